"""`python -m aidial_min.testing` prints the endpoints of the embedded server: Cores, method, path, handler."""

from .routing import endpoints_of

if __name__ == "__main__":
    for row in endpoints_of("20"):
        place = f"{row.handler.__module__.rpartition('.')[2]}.{row.handler.__name__}"
        print(f"{row.generations:9}  {row.method:6}  {row.path:80}  {place}")
