"""How AWS is reached: whose credentials, which regions, and one client for each service and region."""

from __future__ import annotations

import os
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from zephyr_deploy.errors import AuthError, ConfigError, UnreachableError
from zephyr_deploy.providers.aws.errors import reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")

WANTS = ("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", "AWS_PROFILE")
SIGNS = (
    ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    ("AWS_PROFILE",),
    ("AWS_DEFAULT_PROFILE",),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI",),
)
"""Variables by which boto3 finds credentials, each row enough by itself."""
FILES = (
    ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials", ("aws_access_key_id", "credential_process")),
    ("AWS_CONFIG_FILE", "~/.aws/config", ("aws_access_key_id", "credential_process", "sso_", "role_arn")),
)
"""Files in which it finds them, and what stands there then."""
DEFAULT_REGION = "us-east-1"
"""Where nobody has said where."""
CONNECT_S, READ_S, CREATE_S = 5.0, 30.0, 60.0
"""How long to wait for a connection, for an answer, and for that to a call that makes something, in seconds."""
READ_ATTEMPTS = 5
"""In botocore's standard mode: pauses of up to 1, 2, 4 and 8 seconds, for throttling, 5xx and lost connections."""
AT_ONCE = 16
HTTP_OK = 200
PAGE = re.compile(rb"\s*<(!doctype\s+)?html", re.IGNORECASE)


def configured() -> bool:
    """Whether there seem to be credentials; an instance's own role is not looked for, for that takes a call."""
    return any(all(os.environ.get(name) for name in names) for names in SIGNS) or any(
        _mentions(Path(os.environ.get(variable) or path).expanduser(), words) for variable, path, words in FILES
    )


def _mentions(path: Path, words: tuple[str, ...]) -> bool:
    try:
        text = path.read_text() if path.is_file() else ""
    except (OSError, UnicodeDecodeError):
        return False
    return any(word in text for word in words)


@cache
def _loader() -> Any:
    """What botocore knows of AWS's APIs: megabytes, which are read and parsed once and not for every session."""
    from botocore.loaders import create_loader

    return create_loader()


class AwsSession:
    """Clients of boto3, made when they are needed and kept; they may be used by several threads at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._session: Any = None
        self._clients: dict[tuple[str, str, bool], Any] = {}
        self._regions: tuple[str, ...] = ()

    def client(self, service: str, region: str | None = None, *, once: bool = False) -> Any:
        """A client; ``once``: it sends every call a single time, as for what makes or changes something."""
        key = service, region or self.region, once
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._made(*key)
            return self._clients[key]

    def ec2(self, region: str, *, once: bool = False) -> Any:
        """The client of EC2 in a region."""
        return self.client("ec2", region, once=once)

    @property
    def region(self) -> str:
        """The one that the user's settings name, else `DEFAULT_REGION`."""
        return os.environ.get("AWS_REGION") or self._boto().region_name or DEFAULT_REGION

    def regions(self) -> tuple[str, ...]:
        """Those that are enabled in this account, the user's own first.

        Raises:
            ConfigError: the user's own is not.
        """
        if not self._regions:
            self._regions = tuple(sorted(self._enabled(), key=lambda name: name != self.region))
        return self._regions

    def require(self, region: str) -> str:
        """The region itself.

        Raises:
            ConfigError: it is not enabled in this account, or there is none of that name.
        """
        if region not in self.regions():
            raise _not_enabled(region, self.regions())
        return region

    def _enabled(self) -> list[str]:
        """By the user's own region, which is then one of them.

        A region that is not enabled says that it does not know the credentials, and one that does not exist says
        nothing: then another one is asked, to tell that from wrong credentials and from a network that is down.
        """
        try:
            return self._regions_by(self.region)
        except (AuthError, UnreachableError):
            if self.region == DEFAULT_REGION:
                raise
            names = self._regions_by(DEFAULT_REGION)
            if self.region in names:
                raise
        raise _not_enabled(self.region, names)

    def _regions_by(self, region: str) -> list[str]:
        with reading("ec2:DescribeRegions"):
            found = self.ec2(region).describe_regions(AllRegions=False)["Regions"]
        return sorted(one["RegionName"] for one in found)

    def everywhere(self, look: Callable[[str], list[T]]) -> list[T]:
        """What ``look`` finds in every region, all asked side by side.

        Regions that an organization's policy closes are passed over: nothing could have been made there. That holds
        only as long as it is not the user's own region, and not all of them.

        Raises:
            ZephyrError: of the first region, in their order, that could not be asked.
        """
        regions = self.regions()
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="region") as pool:
            asked = [pool.submit(look, region) for region in regions]
        found: list[T] = []
        for region, answer in zip(regions, asked, strict=True):
            try:
                found += answer.result()
            except AuthError as error:
                if region == regions[0] or not error.details.get("denied"):
                    raise
        return found

    def _boto(self) -> Any:
        if self._session is None:
            import boto3
            from botocore.session import Session

            with reading("the settings of AWS"):
                inner = Session()
                inner.register_component("data_loader", _loader())
                self._session = boto3.Session(botocore_session=inner)
        return self._session

    def _made(self, service: str, region: str, once: bool) -> Any:
        from botocore.config import Config

        config = Config(
            connect_timeout=CONNECT_S,
            read_timeout=CREATE_S if once else READ_S,
            retries={"mode": "standard", "total_max_attempts": 1 if once else READ_ATTEMPTS},
            max_pool_connections=AT_ONCE,
            user_agent_extra="zephyr-deploy",
        )
        with reading("the settings of AWS"):
            client = self._boto().client(service, region_name=region, config=config)
        client.meta.events.register("before-parse", _refuse_page)
        client.meta.events.register("after-call", _require_answer)
        return client


def _not_enabled(region: str, enabled: Iterable[str]) -> ConfigError:
    hint = f"Enabled are: {', '.join(enabled)}. Others: aws account enable-region --region-name {region}"
    return ConfigError(f"this account of AWS has no region {region}", hint=hint)


def _refuse_page(response_dict: dict[str, Any], **_: Any) -> None:
    """See that an answer is no page, by which a proxy asks for a login: botocore takes any XML for an answer."""
    from botocore.parsers import ResponseParserError

    body = response_dict.get("body")
    if isinstance(body, bytes) and response_dict["status_code"] == HTTP_OK and PAGE.match(body):
        raise ResponseParserError("the answer is a page; is there a proxy in between?")


def _require_answer(http_response: Any, parsed: dict[str, Any], **_: Any) -> None:
    """See that an answer is AWS's, which all have a number."""
    from botocore.parsers import ResponseParserError

    if http_response.status_code == HTTP_OK and "RequestId" not in parsed.get("ResponseMetadata", {}):
        raise ResponseParserError("the answer is not AWS's; is there a proxy in between?")
