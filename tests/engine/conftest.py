from tests.student.conftest import one_thread  # noqa: F401 - tiny matrices there and here
