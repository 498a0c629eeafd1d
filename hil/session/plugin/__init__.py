"""pytest plugin for tests on boards, on top of labgrid's (`--lg-env`). Without a board it costs next to nothing."""

MODULES = (
    "hil.session.plugin.defaultboard",
    "hil.session.plugin.session",
    "hil.session.plugin.account",
    "hil.session.plugin.attachments",
    "hil.session.plugin.differences",
    "hil.session.plugin.collection",
    "hil.session.plugin.outside",
    "hil.session.plugin.missing",
    "hil.session.plugin.markers",
    "hil.session.plugin.quarantine",
    "hil.session.plugin.retry",
    "hil.session.plugin.fixtures",
    "hil.session.plugin.roles",
    "hil.session.plugin.prompts",
    "hil.session.plugin.guests",
    "hil.session.plugin.direct",
    "hil.session.plugin.debugger",
    "hil.session.plugin.summary",
    "hil.session.plugin.terminal",
    "hil.session.plugin.otherreports",
)
"""The modules of the plugin, in the order in which pytest knows them."""

pytest_plugins = [*MODULES]
