"""AWS as far as this project calls it: moto behind middleware that mends what moto leaves out.

moto reads its settings when it is imported, so they are made here, before anything of it is.
"""

import os
from pathlib import Path

os.environ.update(
    MOTO_AMIS_PATH=str(Path(__file__).with_name("images.json")),
    MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION="true",
    MOTO_ENABLE_AMI_VALIDATION="true",
    MOTO_ENABLE_KEYPAIR_VALIDATION="true",
)

from emulators.aws.chain import error_body
from emulators.aws.emulator import AwsEmulator

__all__ = ["AwsEmulator", "error_body"]
