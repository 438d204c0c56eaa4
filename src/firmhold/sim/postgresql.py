"""A real PostgreSQL server of one's own: made in a folder, on a unix socket, gone afterwards.

Its roles are those of a fleet server, each with a password of its own in a file of its own. It does
not run as root: where this process does, the server runs as the user `postgres`.
"""

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import urlencode

from sqlalchemy import create_engine, text

from firmhold.fleet.home import PARTS
from firmhold.fleet.roles import OWNER

ADMIN = "postgres"
ROLES = "firmhold-{part}"
SETTINGS = ("listen_addresses=", "fsync=off", "max_connections=60", "shared_buffers=16MB")


@dataclass
class Cluster:
    """A database server; start it before use, stop it afterwards."""

    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="firmhold-pg-")))
    peers: bool = False
    """Whether the user of this process may be any role, without a password."""

    def __enter__(self) -> Self:
        """Make it and start it, with the roles of a fleet server."""
        (self.folder / "admin").touch(mode=0o600)
        (self.folder / "admin").write_text(self._new_password(ADMIN))
        self.folder.chmod(0o755)  # the server's user passes through it
        (self.folder / "data").mkdir(mode=0o700)
        (self.folder / "run").mkdir()
        for path in (self.folder / "data", self.folder / "run", self.folder / "admin"):
            os.chown(path, *_runs_as())
        words = ("--auth=scram-sha-256", f"--username={ADMIN}", "--no-sync", "--encoding=UTF8")
        self._run("initdb", *words, f"--pwfile={self.folder / 'admin'}")
        if self.peers:
            self._believe_this_user()
        self.start()
        for part in () if self.peers else (OWNER, *PARTS):
            self.add_role(ROLES.format(part=part))
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it, and remove what it wrote."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        run = self.folder / "run"
        settings = (*SETTINGS, f"unix_socket_directories={run}")
        options = " ".join(f"-c {each}" for each in settings)
        self._run("pg_ctl", "start", "--wait", f"--log={run / 'log'}", "-o", options)

    def stop(self) -> None:
        """Stop the server at once, whoever is connected."""
        self._run("pg_ctl", "stop", "--wait", "--mode=fast")

    def add_role(self, role: str) -> None:
        """Have another role, with a password that only its passfile knows."""
        self.say(f"CREATE ROLE \"{role}\" LOGIN PASSWORD '{self._new_password(role)}'")

    def database(self, name: str, roles: str = ROLES) -> str:
        """Make an empty database; return its URL, in which `{part}` says who comes."""
        self.say(f'CREATE DATABASE "{name}" OWNER "{roles.format(part=OWNER)}"')
        return self._url(roles, name)

    def passfile(self, role: str) -> Path:
        """Where the password of a role is."""
        return self.folder / f"{role}.pgpass"

    def say(self, statement: str) -> None:
        """Have the server's own administrator say something."""
        engine = create_engine(self._url(ADMIN, ADMIN), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()

    def _believe_this_user(self) -> None:
        me = pwd.getpwuid(os.geteuid()).pw_name
        roles = (ADMIN, *(ROLES.format(part=part) for part in (OWNER, *PARTS)))
        (self.folder / "data" / "pg_hba.conf").write_text("local all all peer map=firmhold\n")
        lines = [f"firmhold {me} {role}\n" for role in roles]
        (self.folder / "data" / "pg_ident.conf").write_text("".join(lines))

    def _url(self, role: str, name: str) -> str:
        where = {"host": str(self.folder / "run"), "passfile": str(self.passfile(role))}
        return f"postgresql+psycopg://{role}@/{name}?{urlencode(where, safe='/{}')}"

    def _new_password(self, role: str) -> str:
        password = secrets.token_hex(16)
        self.passfile(role).touch(mode=0o600)
        self.passfile(role).write_text(f"*:*:*:{role}:{password}\n")
        return password

    def _run(self, program: str, *words: str) -> None:
        line = [*_as_its_user(), _found(program), f"--pgdata={self.folder / 'data'}", *words]
        subprocess.run(  # noqa: S603 - own words; its output would keep a pipe open
            line,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
        )


def _runs_as() -> tuple[int, int]:
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    user = pwd.getpwnam(ADMIN)
    return user.pw_uid, user.pw_gid


def _as_its_user() -> list[str]:
    user, group = _runs_as()
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups"]


def _found(program: str) -> str:
    """Where a program of the server is: on the path, or where Debian puts it."""
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
    found = shutil.which(program) or (str(places[-1]) if places else None)
    if found is None:
        raise FileNotFoundError(program)
    return found
