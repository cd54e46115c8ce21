"""alerts.*: copies of the ledger for analysts; the pipeline itself reads the ledger.

The ledger, its keys and what changes it are in ``alerts.ledger.tables``; a test compares the two. Names are the
ledger's: some are words of SQL, which need quotes or the table's name before them.
"""

from mist_pipeline.tables.schema import Column, Table

ALERT_ID = Column("alert_id", "VARCHAR", "Stable name of the occurrence of a problem")
INCIDENT_ID = Column("incident_id", "VARCHAR", "Stable name of the occurrence of an incident")
SINK = Column("sink", "VARCHAR", "Name of the sink in the configuration")

BEGAN_AT = Column("began_at", "TIMESTAMPTZ", "When the trouble began, as estimated; not when it was noticed")
LAST_BAD_AT = Column("last_bad_at", "TIMESTAMPTZ", "End of its last bad hour; null while it goes on")

EVENTS = Table(
    "alerts",
    "events",
    "Something that happened to an alert or an incident; all else about them follows from it. Nothing is changed, until those of what is "
    "long over are folded.",
    (
        Column("event_id", "BIGINT", "Number of the event in the ledger, in the order of recording"),
        Column("subject", "VARCHAR", "What it happened to: alert or incident"),
        Column("subject_id", "VARCHAR", "Which: an alert_id or incident_id"),
        Column("number", "BIGINT", "1, 2, 3 … within the subject, without gaps until they are folded"),
        Column("at", "TIMESTAMPTZ", "Instant of the evaluation or of a person's action"),
        Column(
            "kind",
            "VARCHAR",
            "Of an alert: pending, lapsed, opened, reopened, seen, renewed, quieted, frozen, thawed, rising, easing, "
            "severity_rose, severity_fell, peaked (a new worst two hours), much_worse, acknowledged, unacknowledged, resolved; of an incident: opened, joined, left, renamed, "
            "merged, acknowledged, unacknowledged, worsened, resolved, reopened, withheld; of both: folded (how it was watched, a year after it "
            "was over; detail says how many events)",
        ),
        Column(
            "detail",
            "JSON",
            "What else belongs to this kind: severity, alert_ids, by, because, reason, into …",
        ),
    ),
    ("event_id",),
    partition=None,
)

ALERTS = Table(
    "alerts",
    "alerts",
    "One problem of one site and metric family, as its events made it.",
    (
        ALERT_ID,
        Column("incident_id", "VARCHAR", "The incident that it belongs to now; null before it has one"),
        Column("fingerprint", "VARCHAR", "Stable name of the problem: every occurrence at this site has it"),
        Column("site_id", "VARCHAR", "Mist site id; empty for the whole organisation"),
        Column("family", "VARCHAR", "Metric family; pipeline:… for the pipeline's own trouble"),
        Column("metric", "VARCHAR", "Service level of the first finding; empty for the whole site"),
        Column("kind", "VARCHAR", "Rule of the first finding"),
        Column("kinds", "JSON", "Every rule that has reported it: [kind, …]"),
        Column(
            "summary",
            "VARCHAR",
            "Sentence of the finding that last raised it; holds names typed by strangers",
        ),
        Column("evidence", "JSON", "The numbers behind that finding"),
        Column("classifier", "VARCHAR", "What the cloud blames; empty if unknown"),
        Column(
            "state",
            "VARCHAR",
            "pending (must hold first), open, acknowledged, resolved, or lapsed (was over before it had held; never notified)",
        ),
        Column("severity", "VARCHAR", "critical, major, warning or info; now, or at its end"),
        Column("highest", "VARCHAR", "The worst severity that it ever had"),
        Column("version", "BIGINT", "Number of its last event"),
        Column("pending_since", "TIMESTAMPTZ", "When its hold began; of the last return, if it came back"),
        Column("condition", "VARCHAR", "firing, quiet (readings are good again) or frozen (no readings)"),
        Column("since", "TIMESTAMPTZ", "When the condition began; of one that is over, as it was at its end"),
        Column("counted", "DOUBLE", "How long it had held, or been quiet, before it was frozen", "s"),
        Column(
            "valid_until",
            "TIMESTAMPTZ",
            "Until when it fires without another finding: a daily finding speaks for longer than its day",
        ),
        Column("source", "VARCHAR", "Kind of evaluation that last saw it firing: live, daily or pipeline"),
        Column(
            "recovery_pct",
            "JSON",
            "Service level → threshold that raised it; only a score some points above it counts as good again",
            "%",
        ),
        Column("quiet_since", "TIMESTAMPTZ", "When readings became good again; null while it fires"),
        Column("rising_since", "TIMESTAMPTZ", "Since when it has been seen worse than its severity"),
        Column("rising_to", "VARCHAR", "… and the mildest severity seen since"),
        Column("easing_since", "TIMESTAMPTZ", "Since when it has been seen milder than its severity"),
        Column("easing_to", "VARCHAR", "… and the worst severity seen since"),
        Column("opened_at", "TIMESTAMPTZ", "When it had first held for long enough; null if it never did"),
        Column(
            "acknowledged_at",
            "TIMESTAMPTZ",
            "When a person took it; null again after it grew worse or came back",
        ),
        Column("acknowledged_by", "VARCHAR", "Who took it; holds names typed by strangers"),
        Column("resolved_at", "TIMESTAMPTZ", "When it was over; null again after it came back"),
        Column(
            "resolution",
            "VARCHAR",
            "recovered, new level accepted, over before it was noticed, site removed, expired (no readings for too long), or closed by a "
            "person, and by whom",
        ),
        Column("reopenings", "BIGINT", "How often it came back soon enough to be the same alert"),
        BEGAN_AT,
        LAST_BAD_AT,
        Column(
            "series",
            "JSON",
            "Whose excess it is about: [{metric, classifier, is_slow}, …]; it is over when these are",
        ),
        Column("is_past", "BOOLEAN", "It was over before it was noticed: for the record, nobody was paged"),
        Column(
            "problem",
            "VARCHAR",
            "Classifier of a second problem that began while the first of its family went on; else empty",
        ),
        Column(
            "levels",
            "JSON",
            "Series, as metric/classifier, → degraded share of the user-minutes of its worst two hours since it opened",
            "%",
        ),
        Column("worse_at", "TIMESTAMPTZ", "When it last became much worse; null if it never did"),
        Column("worse_metric", "VARCHAR", "… in which service level …"),
        Column("worse_from_pct", "DOUBLE", "… from which degraded share of its worst two hours …", "%"),
        Column("worse_to_pct", "DOUBLE", "… to which, in the two hours until then", "%"),
    ),
    ("alert_id",),
    partition=None,
)

INCIDENTS = Table(
    "alerts",
    "incidents",
    "What people are notified about: one cause with its alerts, as its events made it.",
    (
        INCIDENT_ID,
        Column(
            "fingerprint",
            "VARCHAR",
            "Stable name of the cause; cause_fingerprint of analysis.incidents where it is one of those",
        ),
        Column("scope", "VARCHAR", "site or infrastructure"),
        Column("family", "VARCHAR", "Metric family of the cause; empty where it has several"),
        Column("cause", "VARCHAR", "The cause in words; holds names typed by strangers"),
        Column(
            "attribute",
            "VARCHAR",
            "What its sites share: site_group, model, firmware …; site for one site's own, storm where only the moment",
        ),
        Column("value", "VARCHAR", "Which one"),
        Column(
            "state",
            "VARCHAR",
            "open, acknowledged, resolved, or merged (its alerts went to another incident)",
        ),
        Column(
            "alert_ids",
            "JSON",
            "Its alerts in the order in which they joined: [alert_id, …]; none once merged",
        ),
        Column("opened_at", "TIMESTAMPTZ", "When it was made"),
        Column("last_joined_at", "TIMESTAMPTZ", "When an alert last joined"),
        Column(
            "asks_since",
            "TIMESTAMPTZ",
            "Since when it asks for a person: opened, last reopened, grown worse than what was acknowledged, or acknowledged no "
            "longer",
        ),
        Column("version", "BIGINT", "Number of its last event"),
        Column("merged_into", "VARCHAR", "The incident that its alerts went to; null if it is not merged"),
        Column(
            "acknowledged_at",
            "TIMESTAMPTZ",
            "When a person took it; null again after it grew worse or came back",
        ),
        Column("acknowledged_by", "VARCHAR", "Who took it; holds names typed by strangers"),
        Column("acknowledged_severity", "VARCHAR", "How bad it was then; only worse asks for a person again"),
        Column(
            "resolved_at",
            "TIMESTAMPTZ",
            "When its last alert was over, or it was merged; null while it goes on",
        ),
        BEGAN_AT,
        LAST_BAD_AT,
        Column(
            "withheld",
            "VARCHAR",
            "Why nobody is notified: silenced_by, inhibited_by, quiet_hours, not_yet or no_route, with which or until when; "
            "empty if a notification was sent or none was due",
        ),
    ),
    ("incident_id",),
    partition=None,
)

IMPACTS = Table(
    "alerts",
    "impacts",
    "The size of an incident at an instant: the whole (site_id and metric empty), and each place the cloud was asked about. "
    "Names of people are not in it.",
    (
        INCIDENT_ID,
        Column("as_of", "TIMESTAMPTZ", "When this was asked"),
        Column("site_id", "VARCHAR", "Mist site id; empty for the whole incident"),
        Column("metric", "VARCHAR", "Service level; empty for the whole incident"),
        Column("occasion", "VARCHAR", "Why it was asked: opened, worse, hourly or over"),
        Column("severity", "VARCHAR", "Severity of the incident then"),
        Column("num_sites", "BIGINT", "Sites in trouble; once over, all that were"),
        Column("num_sites_asked", "BIGINT", "Those of them whose users the cloud has counted"),
        Column("window_start", "TIMESTAMPTZ", "From when on users and devices are counted"),
        Column("window_end", "TIMESTAMPTZ", "Until when"),
        Column("num_users", "BIGINT", "Users with a degraded minute, at the sites asked; null where unknown"),
        Column("total_users", "BIGINT", "Users there; null where unknown"),
        Column("num_aps", "BIGINT", "Access points with a degraded minute; null where unknown"),
        Column("total_aps", "BIGINT", "Access points there; null where unknown"),
        Column("num_switches", "BIGINT", "Switches hit; null where not asked"),
        Column("num_gateways", "BIGINT", "Gateways hit; null where not asked"),
        Column(
            "lost_user_minutes",
            "DOUBLE",
            "Degraded user-minutes beyond expectation from the beginning to the last bad hour, of the whole incident; null "
            "without evidence",
            "min",
        ),
        Column(
            "devices",
            "JSON",
            "The worst devices: [{kind, mac, name, site_id, degraded_user_minutes}, …]; names are typed by strangers",
        ),
        Column(
            "parts", "JSON", "What those hit share: dimension → name → share of the degraded minutes, 0–1"
        ),
        Column("unknown", "VARCHAR", "Why what is null is not known; empty where nothing is missing"),
    ),
    ("incident_id", "as_of", "site_id", "metric"),
    partition=None,
)

DELIVERIES = Table(
    "alerts",
    "deliveries",
    "One message to one sink: a row of the outbox, committed before anything is sent.",
    (
        Column("delivery_id", "BIGINT", "Number of the message in the ledger, in the order of decision"),
        SINK,
        Column("incident_id", "VARCHAR", "What it is about; digest-… for a digest, test-… for a test"),
        Column(
            "reason",
            "VARCHAR",
            "Why it is sent: first, severity_rise, much_worse, more_sites, some_resolved, all_resolved, reopened, merged, acknowledged, "
            "unacknowledged, repeat_due, escalation, digest or test",
        ),
        Column(
            "sequence", "BIGINT", "1, 2, 3 … within sink and incident; escalations are counted by themselves"
        ),
        Column(
            "state",
            "VARCHAR",
            "pending, sending, sent, partly (some recipients have it, the others are tried again), failed (will be tried "
            "again), unknown (may have arrived) or dead (given up, or not needed any more)",
        ),
        Column(
            "payload",
            "JSON",
            "What was true when it was decided: route, severity, site_ids, is_over, is_acknowledged, detail; of a digest "
            "also covers, the same of each of its incidents (reason past: over before it was noticed), and counted, how many "
            "more there are; of mail also answers, what the server said of each recipient",
        ),
        Column("created_at", "TIMESTAMPTZ", "When it was decided, or a person asked for it once more"),
        Column("due_at", "TIMESTAMPTZ", "Not to be sent before"),
        Column("attempts", "BIGINT", "How often it was tried, a running attempt included"),
        Column(
            "last_error",
            "VARCHAR",
            "Of the last attempt, or a note on an accepted message; empty without one. Quotes what the receiver answered",
        ),
        Column("sent_at", "TIMESTAMPTZ", "When the receiver accepted it; null before"),
        Column("leased_by", "VARCHAR", "Which worker has it: host and process; null for none"),
        Column("leased_until", "TIMESTAMPTZ", "Until when that worker has it"),
    ),
    ("delivery_id",),
    partition=None,
)

TICKETS = Table(
    "alerts",
    "tickets",
    "What became of the ticket of an incident, as last read back.",
    (
        SINK,
        INCIDENT_ID,
        Column("ticket", "VARCHAR", "Its key in the ticket system"),
        Column("url", "VARCHAR", "Address of its page; empty if unknown"),
        Column("state", "VARCHAR", "open, acknowledged (assigned or in progress) or closed"),
        Column("who", "VARCHAR", "Who made it so, as the ticket system shows it; empty if unknown"),
        Column("read_at", "TIMESTAMPTZ", "When it was read back"),
        Column("resolution", "VARCHAR", "How a person closed it, as the ticket system calls it; else empty"),
    ),
    ("sink", "incident_id"),
    partition=None,
)

THREADS = Table(
    "alerts",
    "threads",
    "What a sink calls an incident, so that its next message goes to the same thread, ticket or page.",
    (
        SINK,
        INCIDENT_ID,
        Column(
            "reference",
            "JSON",
            "Names in the sink's own terms: Slack channel → message, mail thread and subject, issue key and address, keys of "
            "open pages, folder of files; never a secret",
        ),
        Column("updated_at", "TIMESTAMPTZ", "When a message about it was last accepted"),
    ),
    ("sink", "incident_id"),
    partition=None,
)

ESCALATIONS = Table(
    "alerts",
    "escalations",
    "One step of an escalation: who is notified if nobody reacts, when, and what became of it.",
    (
        INCIDENT_ID,
        Column("policy", "VARCHAR", "Name of the escalation in the configuration"),
        Column(
            "begun_at",
            "TIMESTAMPTZ",
            "When the escalation began: an incident that grows worse begins another",
        ),
        Column("number", "BIGINT", "1, 2, 3 … through all repetitions"),
        Column("due_at", "TIMESTAMPTZ", "When the step is to be notified"),
        Column("expires_at", "TIMESTAMPTZ", "No step is notified later"),
        Column("stops_when", "VARCHAR", "acknowledged (or resolved), or resolved: what ends it"),
        SINK,
        Column(
            "target", "VARCHAR", "Person, list or service that the sink is to reach; empty for its usual one"
        ),
        Column("state", "VARCHAR", "pending, fired (its message is in deliveries) or cancelled"),
        Column("because", "VARCHAR", "Why it was cancelled; empty if it was not"),
    ),
    ("incident_id", "policy", "begun_at", "number"),
    partition=None,
)

SILENCES = Table(
    "alerts",
    "silences",
    "Silences that people made: what is not notified, and for how long; maintenance windows of the configuration are not in it.",
    (
        Column("silence_id", "VARCHAR", "Name of the silence"),
        Column(
            "matchers", "VARCHAR", 'What it is about: label="value", also with !=, =~ or !~; all must match'
        ),
        Column("starts_at", "TIMESTAMPTZ", "Not before"),
        Column("ends_at", "TIMESTAMPTZ", "Not from then on; null where only a window bounds it"),
        Column(
            "window",
            "JSON",
            "Recurring part of that time: begins, zone, until or lasts_seconds, weekdays (0 = Monday; none: every day), "
            "first_day, last_day; null for all of it",
        ),
        Column("created_by", "VARCHAR", "Who asked for it"),
        Column("comment", "VARCHAR", "Why; typed by people"),
    ),
    ("silence_id",),
    partition=None,
)

FEEDBACK = Table(
    "alerts",
    "feedback",
    "What a person thinks of an alert or an incident.",
    (
        Column("feedback_id", "BIGINT", "Number of the feedback in the ledger"),
        Column("alert_id", "VARCHAR", "About which alert; null if about an incident"),
        Column("incident_id", "VARCHAR", "About which incident; null if about an alert"),
        Column(
            "verdict",
            "VARCHAR",
            "right, wrong, known (trouble, but nobody needs to be told), planned (maintenance or other work), too_late or duplicate",
        ),
        Column("by", "VARCHAR", "Who says so"),
        Column("at", "TIMESTAMPTZ", "When"),
        Column("comment", "VARCHAR", "In their own words"),
    ),
    ("feedback_id",),
    partition=None,
)

TABLES = (ALERTS, EVENTS, INCIDENTS, IMPACTS, DELIVERIES, TICKETS, THREADS, ESCALATIONS, SILENCES, FEEDBACK)
