"""E2E Networks' MyAccount API on the wire, as far as one node's life needs it.

It speaks what clients that are run against the real API speak: the envelope, both secrets on every call, Django's
trailing slashes, 412 for whatever is refused, pages, ``id`` against ``vm_id``, and names that may be there twice.

Left out: reserved IPs, volumes, VPCs, saved images, committed plans, upgrades, monitoring, tags, and the rates at which
the real API refuses. What nobody outside of E2E can know was chosen, and is marked "chosen" where it stands.
"""

from emulators.e2e.emulator import E2eEmulator

__all__ = ["E2eEmulator"]
