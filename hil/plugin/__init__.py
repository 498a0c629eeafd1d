"""pytest plugin for tests on boards, on top of labgrid's (`--lg-env`). Without labgrid's it costs next to nothing."""

pytest_plugins = [
    "hil.plugin.session",
    "hil.plugin.markers",
    "hil.plugin.quarantine",
    "hil.plugin.retry",
    "hil.plugin.fixtures",
    "hil.plugin.guests",
    "hil.plugin.direct",
    "hil.plugin.summary",
    "hil.plugin.words",
]
