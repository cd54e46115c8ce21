"""The least that a cluster needs, at addresses where nobody answers."""

ON_A_CLUSTER = {
    "MIST_PIPELINE__COMPUTE__ENGINE": "dask",
    "MIST_PIPELINE__COMPUTE__SCHEDULER": "tcp://127.0.0.1:1",
    "MIST_PIPELINE__WAREHOUSE__URL": "ducklake:postgres:host=127.0.0.1 port=1 dbname=lake",
    "MIST_PIPELINE__WAREHOUSE__DATA_PATH": "s3://bucket-of-tests/warehouse",
    "MIST_PIPELINE__STORAGE__URL": "s3://bucket-of-tests/files",
    "MIST_PIPELINE__ALERTS__LEDGER": "postgresql://ledger@127.0.0.1:1/ledger",
}
