"""Two machines that share nothing but S3: one asks the cloud, the other makes history of it, evaluates and shows it."""

from pathlib import Path

import pytest

from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.simulator.cloud.server import Running
from mist_pipeline.tables import history
from mist_pipeline.warehouse.publish import publish
from mist_pipeline.warehouse.reading import reading
from mist_pipeline.workflows.cloud import Cloud
from mist_pipeline.workflows.collection.fetch import fetch_days, take_snapshot
from mist_pipeline.workflows.collection.history import dimension_frames, write_service_levels
from mist_pipeline.workflows.present.overview import published_files
from mist_pipeline.workflows.progress import silent
from mist_pipeline.workflows.shared_files import raw_store
from mist_pipeline.workflows.shared_publishing import send
from mist_pipeline.workflows.warehouse_access import warehouse_of
from mist_pipeline_tests.end_to_end.conftest import DAYS, NOW, variables
from mist_pipeline_tests.support.object_stores import new_bucket, s3_endpoint, use_s3

pytestmark = pytest.mark.slow

DAY = DAYS[-1]


def make_history(settings: Settings) -> None:
    store, warehouse = raw_store(settings), warehouse_of(settings)
    warehouse.replace_all(dimension_frames(store, settings, [DAY]), [DAY])
    write_service_levels(warehouse, store, settings, [DAY], silent)


def test_what_one_fetches_another_makes_history_of_and_the_first_can_read_that(
    cloud: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_s3(monkeypatch, s3_endpoint())
    url = new_bucket()
    asking, making = (
        load_settings(environment={**variables(cloud, tmp_path / name), "MIST_PIPELINE__STORAGE__URL": url})
        for name in ("asking", "making")
    )
    client = Cloud(asking)
    take_snapshot("sites", client, raw_store(asking), NOW)
    fetch_days(asking, client, raw_store(asking), [DAY], NOW, lambda _done, _total: None)
    for settings in (asking, making):
        make_history(settings)
    rows = [
        warehouse_of(settings).read_days(history.SLE_HOURLY, DAY, DAY).sort("site_id", "metric", "hour")
        for settings in (asking, making)
    ]
    assert rows[0].equals(rows[1])
    assert rows[1].height > 100
    assert not [path for path in (tmp_path / "asking" / "raw").rglob("*") if path.is_file()]
    assert not (tmp_path / "making" / "raw").exists()

    publish(warehouse_of(making), making.published_path)
    send(making, making.published_path)
    with reading(published_files(asking)) as opened:
        found = opened.connection.execute("SELECT count(*) FROM history.sle_hourly").fetchone()
    assert found == (rows[1].height,)
