"""Ten seconds of two journeys side by side: visitors who come one by one, and a steady pulse.

mite demo-target &
mite scenario test scenarios.demo:scenario

To aim elsewhere: MITE_CONF_base_url=https://127.0.0.1:8443 (and SSL_CERT_FILE, as the target says).
"""

from journeys.shop import users
from mite.datapools import DataPool
from mite.scenario import VolumeModel
from mite.volume_model import Constant, Ramp


def scenario() -> list[tuple[str, DataPool | None, VolumeModel]]:
    """Up to 20 visitors at once, after a ramp of four seconds, beside two users of /echo."""
    return [
        ("journeys.shop:visit", users, Ramp(frm=0, duration=4) + Constant(tps=20, duration=6)),
        ("journeys.echo:echo", None, Constant(tps=2, duration=10)),
    ]
