import pytest

from vcenter_client import Server


@pytest.fixture
def server():
    servers = []

    def start(*flags):
        servers.append(Server(*flags))
        return servers[-1]

    yield start
    for s in servers:
        s.close()
