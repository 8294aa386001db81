"""AWS: machines of EC2, by boto3."""
