"""Skills read by reference: listed, downloaded whole, and file by file."""

import asyncio
import io
import sys
import zipfile

from aidial_client import AsyncDial, Dial, DialException, InvalidDialURLError
from aidial_client.resources import AsyncSkillsRef, SkillFilesRef, SkillsRef

URL, KEY = sys.argv[1:3]


def names(listing) -> list:
    return sorted((item.name, item.node_type) for item in listing.items or [])


client = Dial(base_url=URL, api_key=KEY)
skill: SkillsRef = client.skills / "writing" / "tone"
print(names(client.skills.list()), names((client.skills / "writing").list()))
print(names(client.skills.list(recursive=True)))
archive = skill.download()
print(archive.filename, sorted(zipfile.ZipFile(io.BytesIO(archive.get_content())).namelist()))
files: SkillFilesRef = skill.files
print(
    names(files.list()), (files / "SKILL.md").read().get_content()[:14], (files / "scripts" / "run.py").read().filename
)
print(
    skill.get_api_path("skills/b/writing/tone"), skill.get_display_name("skills/b/writing/tone"), skill.get_api_prefix()
)
for what, call in {
    "missing": lambda: (client.skills / "none").download(),
    "missing file": lambda: (files / "none.md").read(),
    "dots": lambda: client.skills / "..",
    "slash": lambda: client.skills / "a/",
}.items():
    try:
        call()
        print(what, "no error")
    except InvalidDialURLError:
        print(what, "invalid")
    except DialException as error:
        print(what, error.status_code)


async def main() -> None:
    async with AsyncDial(base_url=URL, api_key=KEY) as client:
        skill: AsyncSkillsRef = client.skills / "writing" / "tone"
        print(names(await skill.files.list()))
        async with skill.stream_download() as response:
            print(response.filename, len([piece async for piece in response]) > 0)
        async with (skill.files / "SKILL.md").stream() as response:
            print((await response.aget_content())[:3])
        print((await (skill.files / "SKILL.md").read()).get_content()[-7:])


asyncio.run(main())
