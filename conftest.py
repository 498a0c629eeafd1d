pytest_plugins = ["hil.session.plugin"]
