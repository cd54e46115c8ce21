"""history.*: what the cloud said, by day and hour."""

from mist_pipeline.tables.common import (
    CLASSIFIER,
    DAY,
    DEGRADED_MINUTES,
    HOUR,
    MEASURED_UNIT,
    MEASURED_VALUE,
    METRIC,
    SCORE,
    SEVERITY,
    SITE_ID,
    STATE,
    TOTAL_MINUTES,
)
from mist_pipeline.tables.schema import Column, Table

SITES = Table(
    "history",
    "sites",
    "A site as the cloud described it at the end of the day.",
    (
        DAY,
        SITE_ID,
        Column("name", "VARCHAR", "Name as typed by people: may repeat, be empty or hold markup"),
        Column("timezone", "VARCHAR", "IANA time zone; UTC where the cloud has none"),
        Column("country_code", "VARCHAR", "ISO 3166 country"),
        Column("latitude", "DOUBLE", "Latitude", "°"),
        Column("longitude", "DOUBLE", "Longitude", "°"),
        Column("sitegroup_ids", "VARCHAR[]", "Site groups that the site belongs to"),
        Column(
            "attributes",
            "JSON",
            "models, firmware, templates, gateway, num_aps, address; unknown_timezone where the cloud's names no zone",
        ),
        Column("is_substituted", "BOOLEAN", "The description was fetched after the end of this day"),
    ),
    ("day", "site_id"),
)

SLE_HOURLY = Table(
    "history",
    "sle_hourly",
    "One hour of one service level at one site.",
    (
        HOUR,
        SITE_ID,
        METRIC,
        DAY,
        SCORE,
        TOTAL_MINUTES,
        DEGRADED_MINUTES,
        MEASURED_VALUE,
        MEASURED_UNIT,
        STATE,
    ),
    ("hour", "site_id", "metric"),
)

SLE_DAILY = Table(
    "history",
    "sle_daily",
    "One day of one service level at one site, with the severity of its score.",
    (
        DAY,
        SITE_ID,
        METRIC,
        SCORE,
        Column(
            "num_users", "BIGINT", "Users of the day; the peak of hourly clients where only that is known"
        ),
        TOTAL_MINUTES,
        DEGRADED_MINUTES,
        MEASURED_VALUE,
        MEASURED_UNIT,
        SEVERITY,
        Column(
            "hours_covered",
            "BIGINT",
            "Hours that the reading stands on, hours without users included; a whole day has 23 to 25; null where not supported, "
            "and in rows written before this column was there",
        ),
        STATE,
    ),
    ("day", "site_id", "metric"),
)

SITE_HOURLY = Table(
    "history",
    "site_hourly",
    "Load and life of one site in one hour.",
    (
        HOUR,
        SITE_ID,
        DAY,
        Column("num_clients", "BIGINT", "Clients seen in the hour"),
        Column("num_aps", "BIGINT", "Access points that the site has"),
        Column(
            "num_aps_connected", "BIGINT", "Access points connected; null for hours without a live collection"
        ),
    ),
    ("hour", "site_id"),
)

CLASSIFIERS_HOURLY = Table(
    "history",
    "classifiers_hourly",
    "Degraded user-minutes of one hour by what the cloud blames; they add up to the service level's.",
    (HOUR, SITE_ID, METRIC, CLASSIFIER, DAY, DEGRADED_MINUTES, TOTAL_MINUTES),
    ("hour", "site_id", "metric", "classifier"),
)

CLASSIFIERS_DAILY = Table(
    "history",
    "classifiers_daily",
    "Degraded user-minutes of one day by what the cloud blames.",
    (
        DAY,
        SITE_ID,
        METRIC,
        CLASSIFIER,
        Column("degraded_pct", "DOUBLE", "Degraded share of all user-minutes of the metric", "%"),
        DEGRADED_MINUTES,
        Column("num_users", "BIGINT", "Users hit; null where that is not known (impact_state)"),
        Column("num_aps", "BIGINT", "Access points hit; null where that is not known (impact_state)"),
        Column(
            "impact_state",
            "VARCHAR",
            "Whether the users hit are known: known, not_asked (the day was asked for together with others, and was not among "
            "the worst that the call budget allowed to ask for by themselves) or not_said (asked, and the cloud did not say)",
        ),
    ),
    ("day", "site_id", "metric", "classifier"),
)

DEVICES = Table(
    "history",
    "devices",
    "An access point, switch or gateway as the last snapshot of the day showed it. The cloud tells of devices only as they are "
    "now, so days without a snapshot, such as those of a backfill, have no rows.",
    (
        DAY,
        Column("device_id", "VARCHAR", "Mist device id"),
        SITE_ID,
        Column("mac", "VARCHAR", "MAC address"),
        Column("name", "VARCHAR", "Name as typed by people"),
        Column("type", "VARCHAR", "ap, switch or gateway"),
        Column("model", "VARCHAR", "Model"),
        Column("firmware", "VARCHAR", "Firmware version"),
        Column("status", "VARCHAR", "connected, disconnected, …"),
        Column("uptime_seconds", "DOUBLE", "Time since the last start", "s"),
        Column("last_seen", "TIMESTAMPTZ", "When the cloud heard of it last"),
        Column("cpu_pct", "DOUBLE", "CPU utilisation; lower is better", "%"),
        Column("memory_pct", "DOUBLE", "Memory utilisation; lower is better", "%"),
        Column("num_clients", "BIGINT", "Clients connected"),
        Column("snapshot_at", "TIMESTAMPTZ", "When the snapshot was asked for"),
    ),
    ("day", "device_id"),
)

ALARMS = Table(
    "history",
    "alarms",
    "An alarm of the cloud, on the day it was raised.",
    (
        DAY,
        Column("alarm_id", "VARCHAR", "Mist alarm id"),
        SITE_ID,
        Column("type", "VARCHAR", "Alarm type, as in the cloud's alarm definitions"),
        Column("alarm_group", "VARCHAR", "infrastructure, marvis, security, …"),
        Column("severity", "VARCHAR", "critical, warn or info, as the cloud rates it"),
        Column("raised_at", "TIMESTAMPTZ", "When it was raised"),
        Column("last_seen", "TIMESTAMPTZ", "When it was seen last"),
        Column("resolved_at", "TIMESTAMPTZ", "When the cloud resolved it; null for alarms without state"),
        Column("count", "BIGINT", "How often it occurred"),
        Column("is_acked", "BOOLEAN", "It was acknowledged in the cloud"),
        Column("status", "VARCHAR", "open or resolved, where the cloud says so"),
        Column("aps", "VARCHAR[]", "MAC addresses of the access points named"),
        Column("switches", "VARCHAR[]", "MAC addresses of the switches named"),
        Column("gateways", "VARCHAR[]", "MAC addresses of the gateways named"),
    ),
    ("day", "alarm_id"),
)

CHANGES = Table(
    "history",
    "changes",
    "An entry of the organisation's audit log. A day of which the log was not read has one row with state missing; a day without any row "
    "had no entries, or was made before this table was there.",
    (
        DAY,
        Column("change_id", "VARCHAR", "Id of the entry; empty in the row of a day that is missing"),
        Column("changed_at", "TIMESTAMPTZ", "When"),
        Column(
            "action", "VARCHAR", "added, updated, deleted, upgraded; other for what changes no configuration"
        ),
        Column(
            "kind",
            "VARCHAR",
            "What was changed: wlan, wlan_template, network_template, gateway_template, rf_template, site_template, ap_template, network, "
            "device, firmware, site, site_settings, organisation_settings; other where the sentence is not known",
        ),
        Column("object_id", "VARCHAR", "Id of what was changed; null where the entry has none"),
        Column(
            "title",
            "VARCHAR",
            "Its name as typed by people; null where the entry has none, and of kind other",
        ),
        Column("message", "VARCHAR", "The cloud's sentence without what people typed"),
        Column(
            "site_ids",
            "VARCHAR[]",
            "Sites that it applies to: its own, or those that use the template on that day; null where that is not known",
        ),
        Column("admin", "VARCHAR", "Who, as the cloud writes it; null unless privacy.show_admins"),
        Column("source", "VARCHAR", "log, or webhook until the log of the day was read"),
        Column("state", "VARCHAR", "ok, or missing: the log of the day was not asked for or not answered"),
    ),
    ("day", "change_id"),
)

TABLES = (
    SITES,
    SLE_HOURLY,
    SLE_DAILY,
    SITE_HOURLY,
    CLASSIFIERS_HOURLY,
    CLASSIFIERS_DAILY,
    DEVICES,
    ALARMS,
    CHANGES,
)
