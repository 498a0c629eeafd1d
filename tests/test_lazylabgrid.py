"""A labgrid that is imported lazily has everything that labgrid has, when it is asked for."""

from __future__ import annotations

import subprocess
import sys
import textwrap


def run(script: str) -> None:
    """Run a script in a process of its own, with labgrid imported lazily."""
    lines = "import sys\nfrom hil import lazylabgrid\nlazylabgrid.install()\n" + textwrap.dedent(script)
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def test_a_class_is_imported_when_it_is_named() -> None:
    run(
        """
        from labgrid.factory import target_factory
        assert "labgrid.driver.sigrokdriver" not in sys.modules
        assert target_factory.class_from_string("SigrokDriver").__module__ == "labgrid.driver.sigrokdriver"
        assert "labgrid.driver.modbusdriver" not in sys.modules
        import labgrid.driver
        assert labgrid.driver.ModbusCoilDriver.__module__ == "labgrid.driver.modbusdriver"
        """
    )


def test_a_class_that_no_package_names_is_found_as_well() -> None:
    run(
        """
        from labgrid.factory import target_factory
        assert target_factory.class_from_string("NetworkUSBMassStorage").__module__ == "labgrid.resource.remote"
        assert target_factory.class_from_string("PowerProtocol").__module__ == "labgrid.protocol.powerprotocol"
        """
    )


def test_everything_is_there_for_who_asks_for_everything() -> None:
    run(
        """
        from labgrid.driver import *
        from labgrid.resource import *
        assert SerialDriver and RawSerialPort
        """
    )


def test_the_name_of_a_driver_of_labgrid_cannot_be_taken() -> None:
    run(
        """
        from labgrid.exceptions import RegistrationError
        from labgrid.factory import target_factory
        try:
            target_factory.reg_driver(type("SigrokDriver", (), {}))
        except RegistrationError:
            sys.exit(0)
        sys.exit("it was taken")
        """
    )


def test_an_unknown_class_is_refused_as_labgrid_refuses_it() -> None:
    run(
        """
        from labgrid.exceptions import InvalidConfigError
        from labgrid.factory import target_factory
        try:
            target_factory.make_driver(None, "NoSuchDriver", None, {})
        except InvalidConfigError as error:
            sys.exit("unknown driver class NoSuchDriver" not in str(error))
        sys.exit("it was made")
        """
    )


def test_the_plugin_and_the_client_have_the_same_error_for_users() -> None:
    run(
        """
        import labgrid.pytestplugin
        assert "grpc" not in sys.modules
        from labgrid.remote.client import ClientSession, UserError
        from labgrid.pytestplugin import fixtures
        assert fixtures.UserError is UserError
        """
    )
