"""Which connections have been silent, as `ss` of iproute2 6.1 tells it."""

from zephyr_deploy.agent.connections import silent

LISTING = """\
0      0      10.213.252.207:46100 10.213.0.3:443 users:(("dockerd",pid=1240,fd=24))
\t bbr wscale:10,10 rto:204 mss:1448 bytes_received:1260 lastsnd:3988 lastrcv:3944 lastack:3944 minrtt:0.02
0      0      10.213.252.207:46116 10.213.0.3:443 users:(("dockerd",pid=1240,fd=26))
\t bbr wscale:10,10 rto:204 mss:1448 bytes_received:126000 lastsnd:3920 lastrcv:12 lastack:12 minrtt:0.01
0      0      [2001:db8::7]:46130 [2001:db8::3]:443 users:(("dockerd",pid=1240,fd=27))
\t cubic rto:204 lastsnd:9000 lastrcv:9000 lastack:9000
0      0      10.213.252.207:22 10.213.0.1:50000 users:(("sshd",pid=7,fd=3))
\t cubic rto:204 lastsnd:9000 lastrcv:9000 lastack:9000
0      0      10.213.252.207:50001 10.213.0.9:443
\t cubic rto:204 lastsnd:9000 lastrcv:9000 lastack:9000
"""


def test_only_those_of_the_program_that_bring_nothing():
    assert list(silent(LISTING, "dockerd", 3.0)) == [
        ("10.213.252.207:46100", "10.213.0.3:443"),
        ("[2001:db8::7]:46130", "[2001:db8::3]:443"),
    ]
    assert list(silent(LISTING, "dockerd", 10.0)) == []
    assert list(silent("", "dockerd", 0.0)) == []
