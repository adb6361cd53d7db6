import zipfile

import pytest

from bigdl_keras.spark import connect, failures, preflight, session, shipping


@pytest.mark.spark
def test_slots_and_context(spark):
    context = spark.sparkContext
    assert session.active_context() is context
    assert preflight.task_slots(context) == 4
    preflight.check_gang(context, 4)
    with pytest.raises(ValueError, match=r"9 workers needs 9 task slots at once, but Spark has 4 .*Use workers=4"):
        preflight.check_gang(context, 9)


class FakeContext:
    """A context of which only the configuration is looked at."""

    def __init__(self, **conf):
        self.conf = conf

    def getConf(self):
        return self.conf


@pytest.mark.parametrize(("key", "match"), [
    ("spark.dynamicAllocation.enabled", r"dynamic allocation. Set spark.dynamicAllocation.enabled=false"),
    ("spark.network.crypto.enabled", r"spark.network.crypto.enabled=true asks for encrypted traffic.*Set spark.bigdl"),
])
def test_settings_that_rule_a_gang_out(key, match):
    with pytest.raises(ValueError, match=match):
        preflight.check_settings(FakeContext(**{key: "true"}))
    preflight.check_settings(FakeContext(**{key: "false"}))
    preflight.check_settings(FakeContext(**{"spark.ssl.enabled": "true", preflight.ALLOW_PLAIN: "true"}))


def test_the_package_fits_into_a_zip_file(tmp_path):
    shipping.pack(tmp_path / "package.zip")
    with zipfile.ZipFile(tmp_path / "package.zip") as file:
        names = file.namelist()
    assert "bigdl_keras/__init__.py" in names
    assert "bigdl_keras/engine/tasks.py" in names
    assert {name.partition("/")[0] for name in names} == {"bigdl_keras", "threadpoolctl.py", "threadpoolctl.pyc"}
    assert all(name + "c" in names for name in names if name.endswith(".py"))


def test_the_python_error_is_found_in_spark_s():
    text = ("Job aborted due to stage failure\n... Traceback (most recent call last):\n  File \"a.py\", line 3, in f\n"
            "    raise ValueError(x)\nValueError: row 3 is wrong\nand this is why\n\n\tat org.apache.spark.Some.java\n")
    found = failures.original(RuntimeError(text))
    assert isinstance(found, ValueError)
    assert str(found) == "row 3 is wrong\nand this is why"
    plain = RuntimeError("no traceback")
    assert failures.original(plain) is plain
    dead = "because barrier task ResultTask(3, 1) finished unsuccessfully.\nExecutorLostFailure (executor 0 exited)"
    assert failures.dead_task(RuntimeError(dead)) == 1
    assert failures.dead_task(plain) is None
    assert str(failures.rebuilt("SomethingOfMine", "x")) == "SomethingOfMine: x"
    assert isinstance(failures.rebuilt("WorkerLost", "x"), RuntimeError)


@pytest.mark.parametrize(("conf", "slots"), [
    ({"spark.master": "local[3]"}, 3),
    ({"spark.master": "local[4, 2]"}, 4),
    ({"spark.master": "local"}, 1),
    ({"spark.master": "local-cluster[2,3,1024]"}, 6),
    ({"spark.executor.instances": "5", "spark.executor.cores": "4", "spark.task.cpus": "2"}, 10),
    ({"spark.master": "yarn"}, None),
    ({"spark.master": "local[*]"}, None),
])
def test_slots_of_a_connect_server(conf, slots):
    assert connect.task_slots(FakeConnect(conf)) == slots


class FakeConnect:
    """A Connect session of which only the configuration is looked at."""

    def __init__(self, conf):
        self.conf = conf
