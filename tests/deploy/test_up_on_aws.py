"""`up --provider aws`: boto3 on the wire, cloud-init, a pinned key, Docker, TGI's API; and an account that is empty."""

import pytest
from deploy.on_clouds import life_on


@pytest.mark.timeout(600, func_only=True)
def test_from_nothing_to_tokens_and_back(both, laptop):
    said = life_on("aws", "a10g", laptop("first"), laptop("second"))
    assert "(console)" in said["up"], "the host key came by another way than the network"
    assert both.left() == []
    assert both.aws.wire.actions().count("ec2:RunInstances") == 1
