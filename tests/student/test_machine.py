import pytest

from p2m.student import machine

BLOCK = "processor\t: {n}\nphysical id\t: 0\ncore id\t\t: {core}\nflags\t\t: fpu avx2 {flag}\n"


def cpuinfo(tmp_path, monkeypatch, cores, flag=""):
    path = tmp_path / "cpuinfo"
    path.write_text(
        "\n".join(BLOCK.format(n=n, core=core, flag=flag) for n, core in enumerate(cores))
    )
    monkeypatch.setattr(machine, "CPUINFO", path)
    monkeypatch.setattr(
        machine.os, "sched_getaffinity", lambda pid: set(range(len(cores))), raising=False
    )


def test_two_threads_of_a_core_count_once(tmp_path, monkeypatch):
    cpuinfo(tmp_path, monkeypatch, [0, 0, 1, 1])
    assert machine.cores() == 2


def test_only_cores_that_the_process_may_use_count(tmp_path, monkeypatch):
    cpuinfo(tmp_path, monkeypatch, [0, 1, 2, 3])
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda pid: {1, 3}, raising=False)
    assert machine.cores() == 2


def test_without_cpuinfo_the_processors_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "CPUINFO", tmp_path / "none")
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda pid: {0, 1, 2}, raising=False)
    assert machine.cores() == 3
    assert not machine.cpu_has_bf16()


def test_bf16_is_read_from_the_flags_of_the_processor(tmp_path, monkeypatch):
    cpuinfo(tmp_path, monkeypatch, [0], flag="avx512_bf16")
    assert machine.cpu_has_bf16()
    cpuinfo(tmp_path, monkeypatch, [0], flag="avx512f")
    assert not machine.cpu_has_bf16()


def test_threads_that_wait_sleep_unless_the_user_wants_otherwise(monkeypatch):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    machine.share_cores()
    assert machine.os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    machine.share_cores()
    assert machine.os.environ["OMP_WAIT_POLICY"] == "ACTIVE"


@pytest.mark.parametrize(
    ("said", "quiet"),
    [("0.1 0.2 0.3 1/80 99\n", True), ("2.9 0.2 0.3 3/80 99\n", False), ("?", False)],
)
def test_quiet_is_when_no_other_process_runs(tmp_path, monkeypatch, said, quiet):
    (tmp_path / "loadavg").write_text(said)
    monkeypatch.setattr(machine, "LOADAVG", tmp_path / "loadavg")
    assert machine.quiet() is quiet


def test_where_the_load_cannot_be_told_it_is_not_quiet(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "LOADAVG", tmp_path / "none")
    assert machine.quiet() is False


def test_free_memory_is_bounded_by_the_control_group_less_what_files_fill(tmp_path):
    assert machine.free_memory(tmp_path) is None
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal: 9000 kB\nMemAvailable:    4000 kB\n")
    assert machine.free_memory(tmp_path) == 4000 * 1024
    group = tmp_path / "sys/fs/cgroup"
    group.mkdir(parents=True)
    (group / "memory.stat").write_text("anon 1000000\nfile 2000000\n")
    (group / "memory.max").write_text("max\n")
    assert machine.free_memory(tmp_path) == 4000 * 1024
    (group / "memory.max").write_text("3000000\n")
    assert machine.free_memory(tmp_path) == 2000000
