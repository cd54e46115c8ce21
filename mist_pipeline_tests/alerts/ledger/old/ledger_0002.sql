BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0002');
CREATE TABLE alerts (
	alert_id TEXT NOT NULL, 
	incident_id TEXT, 
	fingerprint TEXT NOT NULL, 
	site_id TEXT NOT NULL, 
	family TEXT NOT NULL, 
	metric TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	kinds JSON NOT NULL, 
	summary TEXT NOT NULL, 
	evidence TEXT NOT NULL, 
	classifier TEXT NOT NULL, 
	state TEXT NOT NULL, 
	severity TEXT NOT NULL, 
	highest TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	pending_since DATETIME NOT NULL, 
	condition TEXT NOT NULL, 
	since DATETIME NOT NULL, 
	counted FLOAT NOT NULL, 
	valid_until DATETIME NOT NULL, 
	source TEXT NOT NULL, 
	recovery_pct JSON NOT NULL, 
	quiet_since DATETIME, 
	rising_since DATETIME, 
	rising_to TEXT, 
	easing_since DATETIME, 
	easing_to TEXT, 
	opened_at DATETIME, 
	acknowledged_at DATETIME, 
	acknowledged_by TEXT, 
	resolved_at DATETIME, 
	resolution TEXT, 
	reopenings INTEGER NOT NULL, 
	CONSTRAINT pk_alerts PRIMARY KEY (alert_id)
);
INSERT INTO "alerts" VALUES('54d7f3b200edcfa1','e62aca57c9c13d9e','628f6890825a11c7','pending','radio','coverage','evidence','["evidence"]','Coverage of pending is bad: reason ''ü''.','{"classifier": "weak-signal"}','weak-signal','open','major','major',2,'2026-03-02 12:00:00.000000','firing','2026-03-02 12:00:00.000000',0.0,'2026-03-02 12:00:00.000000','live','{}',NULL,NULL,NULL,NULL,NULL,'2026-03-02 12:00:00.000000',NULL,NULL,NULL,NULL,0);
INSERT INTO "alerts" VALUES('646fb25f52e90f3b','79452a70f2642319','1692f90d8abcd6d8','unknown','radio','coverage','evidence','["evidence"]','Coverage of unknown is bad: reason ''ü''.','{"classifier": "weak-signal"}','weak-signal','open','major','major',2,'2026-03-02 12:00:00.000000','firing','2026-03-02 12:00:00.000000',0.0,'2026-03-02 12:00:00.000000','live','{}',NULL,NULL,NULL,NULL,NULL,'2026-03-02 12:00:00.000000',NULL,NULL,NULL,NULL,0);
INSERT INTO "alerts" VALUES('87c6679c29aaa284','5ce3b28cfb432048','ac87e8d1148c0c00','failed','radio','coverage','evidence','["evidence"]','Coverage of failed is bad: reason ''ü''.','{"classifier": "weak-signal"}','weak-signal','open','major','major',2,'2026-03-02 12:00:00.000000','firing','2026-03-02 12:00:00.000000',0.0,'2026-03-02 12:00:00.000000','live','{}',NULL,NULL,NULL,NULL,NULL,'2026-03-02 12:00:00.000000',NULL,NULL,NULL,NULL,0);
INSERT INTO "alerts" VALUES('87db38058e013fd0','1305700dfd459e94','914fb4a14947fa59','refused','radio','coverage','evidence','["evidence"]','Coverage of refused is bad: reason ''ü''.','{"classifier": "weak-signal"}','weak-signal','open','major','major',2,'2026-03-02 12:00:00.000000','firing','2026-03-02 12:00:00.000000',0.0,'2026-03-02 12:00:00.000000','live','{}',NULL,NULL,NULL,NULL,NULL,'2026-03-02 12:00:00.000000',NULL,NULL,NULL,NULL,0);
INSERT INTO "alerts" VALUES('c28a75e9449ecea7','01ced1316d8639c9','d8c5b5e283c0daaa','sending','radio','coverage','evidence','["evidence"]','Coverage of sending is bad: reason ''ü''.','{"classifier": "weak-signal"}','weak-signal','open','major','major',2,'2026-03-02 12:00:00.000000','firing','2026-03-02 12:00:00.000000',0.0,'2026-03-02 12:00:00.000000','live','{}',NULL,NULL,NULL,NULL,NULL,'2026-03-02 12:00:00.000000',NULL,NULL,NULL,NULL,0);
INSERT INTO "alerts" VALUES('8178ba86d7ee980f','b9b729b24c439777','7529b2ffcceed69b','called','connect','coverage','evidence','["evidence"]','Coverage of called is bad: reason ''ü''.','{"classifier": "weak-signal"}','weak-signal','open','major','major',2,'2026-03-02 15:00:00.000000','firing','2026-03-02 15:00:00.000000',0.0,'2026-03-02 15:00:00.000000','live','{}',NULL,NULL,NULL,NULL,NULL,'2026-03-02 15:00:00.000000',NULL,NULL,NULL,NULL,0);
INSERT INTO "alerts" VALUES('69ae772946f8c7d4','ca2e22e24022b4e6','ef5584326274ebbe','taken','connect','coverage','evidence','["evidence"]','Coverage of taken is bad: reason ''ü''.','{"classifier": "weak-signal"}','weak-signal','acknowledged','major','major',3,'2026-03-02 15:00:00.000000','firing','2026-03-02 15:00:00.000000',0.0,'2026-03-02 15:00:00.000000','live','{}',NULL,NULL,NULL,NULL,NULL,'2026-03-02 15:00:00.000000','2026-03-02 15:19:00.000000','ada',NULL,NULL,0);
INSERT INTO "alerts" VALUES('65b76dcda8bd48bc','0fe3f957de92017d','b6ec52fa7d899455','under-way','connect','coverage','evidence','["evidence"]','Coverage of under-way is bad: reason ''ü''.','{"classifier": "weak-signal"}','weak-signal','acknowledged','major','major',3,'2026-03-02 15:00:00.000000','firing','2026-03-02 15:00:00.000000',0.0,'2026-03-02 15:00:00.000000','live','{}',NULL,NULL,NULL,NULL,NULL,'2026-03-02 15:00:00.000000','2026-03-02 15:19:00.000000','digest-lover: bob',NULL,NULL,0);
INSERT INTO "alerts" VALUES('1949e95f1d1a78d1','7736bf8fb7b87982','f6c160496d82e231','closed','connect','coverage','evidence','["evidence"]','Coverage of closed is bad: reason ''ü''.','{"classifier": "weak-signal"}','weak-signal','resolved','major','major',3,'2026-03-02 15:00:00.000000','firing','2026-03-02 15:00:00.000000',0.0,'2026-03-02 15:00:00.000000','live','{}',NULL,NULL,NULL,NULL,NULL,'2026-03-02 15:00:00.000000',NULL,NULL,'2026-03-02 15:19:00.000000','closed by test-driver ü',0);
INSERT INTO "alerts" VALUES('586436b3433e0479','0fd9251d71aea1a3','c7bfbb8fe8afeefc','looked-up','connect','coverage','evidence','["evidence"]','Coverage of looked-up is bad: reason ''ü''.','{"classifier": "weak-signal"}','weak-signal','acknowledged','major','major',3,'2026-03-02 15:00:00.000000','firing','2026-03-02 15:00:00.000000',0.0,'2026-03-02 15:00:00.000000','live','{}',NULL,NULL,NULL,NULL,NULL,'2026-03-02 15:00:00.000000','2026-03-02 15:31:00.000000','cid',NULL,NULL,0);
INSERT INTO "alerts" VALUES('5bc016cc930eb90b','f08d86cd2fe6ac0e','0f3afb2864cb6a00','again','capacity','coverage','evidence','["evidence"]','Coverage of again is bad: reason ''ü''.','{"classifier": "weak-signal"}','weak-signal','open','major','major',2,'2026-03-02 17:00:00.000000','firing','2026-03-02 17:00:00.000000',0.0,'2026-03-02 17:00:00.000000','live','{}',NULL,NULL,NULL,NULL,NULL,'2026-03-02 17:00:00.000000',NULL,NULL,NULL,NULL,0);
INSERT INTO "alerts" VALUES('9a5952548f996ec6','bffe6c2d066b1f59','e2e5e53651033625','north-1','dhcp','coverage','evidence','["evidence"]','Coverage of north-1 is bad: reason ''ü''.','{"classifier": "weak-signal"}','weak-signal','open','major','major',2,'2026-03-02 20:00:00.000000','firing','2026-03-02 20:00:00.000000',0.0,'2026-03-02 20:00:00.000000','live','{}',NULL,NULL,NULL,NULL,NULL,'2026-03-02 20:00:00.000000',NULL,NULL,NULL,NULL,0);
INSERT INTO "alerts" VALUES('ee559106b7ff16cb','bffe6c2d066b1f59','33d803044804c6ea','north-2','dhcp','coverage','evidence','["evidence"]','Coverage of north-2 is bad: reason ''ü''.','{"classifier": "weak-signal"}','weak-signal','open','major','major',2,'2026-03-02 20:00:00.000000','firing','2026-03-02 20:00:00.000000',0.0,'2026-03-02 20:00:00.000000','live','{}',NULL,NULL,NULL,NULL,NULL,'2026-03-02 20:00:00.000000',NULL,NULL,NULL,NULL,0);
INSERT INTO "alerts" VALUES('ae737398d0d2c2ab','fc6a4daeb4144d29','bdec272badac3e01','dark-2','roaming','coverage','evidence','["evidence"]','Coverage of dark-2 is bad: reason ''ü''.','{"classifier": "weak-signal"}','weak-signal','open','major','major',2,'2026-03-03 00:00:00.000000','firing','2026-03-03 00:00:00.000000',0.0,'2026-03-03 00:00:00.000000','live','{}',NULL,NULL,NULL,NULL,NULL,'2026-03-03 00:00:00.000000',NULL,NULL,NULL,NULL,0);
INSERT INTO "alerts" VALUES('4fcd0c4fe73a1cd9','4d188f4ec3b136cb','6f360057332a50cf','recovered','connect','coverage','evidence','["evidence"]','Coverage of recovered is bad: reason ''ü''.','{"classifier": "weak-signal"}','weak-signal','resolved','major','major',4,'2026-03-02 15:00:00.000000','quiet','2026-03-02 16:00:00.000000',0.0,'2026-03-02 15:00:00.000000','live','{}','2026-03-02 16:00:00.000000',NULL,NULL,NULL,NULL,'2026-03-02 15:00:00.000000',NULL,NULL,'2026-03-03 04:00:00.000000','recovered',0);
INSERT INTO "alerts" VALUES('e136d343200ff09d','b226b47eba833c8c','a37860012f167333','dark-1','roaming','coverage','evidence','["evidence"]','Coverage of dark-1 is bad: reason ''ü''.','{"classifier": "weak-signal"}','weak-signal','open','critical','critical',4,'2026-03-02 21:00:00.000000','firing','2026-03-02 21:00:00.000000',0.0,'2026-03-02 21:00:00.000000','live','{}',NULL,NULL,NULL,NULL,NULL,'2026-03-02 21:00:00.000000',NULL,NULL,NULL,NULL,0);
INSERT INTO "alerts" VALUES('0d0c89c1539a8b79','e3cbf145b05d6572','edc2970ebfb7463a','dark-5','wan','coverage','evidence','["evidence"]','Coverage of dark-5 is bad: reason ''ü''.','{"classifier": "weak-signal"}','weak-signal','open','major','major',2,'2026-03-04 01:06:00.000000','firing','2026-03-04 01:06:00.000000',0.0,'2026-03-04 01:06:00.000000','live','{}',NULL,NULL,NULL,NULL,NULL,'2026-03-04 01:06:00.000000',NULL,NULL,NULL,NULL,0);
INSERT INTO "alerts" VALUES('487e649e65e9d714','b30efa5bee737263','6effc58958822f7c','dark-4','roaming','coverage','evidence','["evidence"]','Coverage of dark-4 is bad: reason ''ü''.','{"classifier": "weak-signal"}','weak-signal','open','major','major',2,'2026-03-04 01:00:00.000000','firing','2026-03-04 01:00:00.000000',0.0,'2026-03-04 01:00:00.000000','live','{}',NULL,NULL,NULL,NULL,NULL,'2026-03-04 01:00:00.000000',NULL,NULL,NULL,NULL,0);
INSERT INTO "alerts" VALUES('8c2b2f640275dad0','04121ed3cd3c5921','6bd10b857a3b3a7b','dark-3','roaming','coverage','evidence','["evidence"]','Coverage of dark-3 is bad: reason ''ü''.','{"classifier": "weak-signal"}','weak-signal','open','major','major',2,'2026-03-03 22:00:00.000000','firing','2026-03-03 22:00:00.000000',0.0,'2026-03-03 22:00:00.000000','live','{}',NULL,NULL,NULL,NULL,NULL,'2026-03-03 22:00:00.000000',NULL,NULL,NULL,NULL,0);
INSERT INTO "alerts" VALUES('cc20e5841b9d2749','8805b82ff0017cca','d017ee7777f048ff','down','device','','site_down','["site_down"]','Coverage of down is bad: reason ''ü''.','{"classifier": "weak-signal"}','weak-signal','open','critical','critical',2,'2026-03-04 14:00:00.000000','firing','2026-03-04 14:00:00.000000',0.0,'2026-03-04 14:00:00.000000','live','{}',NULL,NULL,NULL,NULL,NULL,'2026-03-04 14:00:00.000000',NULL,NULL,NULL,NULL,0);
INSERT INTO "alerts" VALUES('73d44b962771051d','dd9f34f8cd832108','24b82df326a061ba','soon','calls','coverage','evidence','["evidence"]','Coverage of soon is bad: reason ''ü''.','{"classifier": "weak-signal"}','weak-signal','open','major','major',2,'2026-03-04 20:30:00.000000','firing','2026-03-04 20:30:00.000000',0.0,'2026-03-04 20:30:00.000000','live','{}',NULL,NULL,NULL,NULL,NULL,'2026-03-04 20:30:00.000000',NULL,NULL,NULL,NULL,0);
INSERT INTO "alerts" VALUES('8c634ac5646de114',NULL,'507fc6af1770e22f','held','held','coverage','mist_alarm','["mist_alarm"]','Coverage of held is bad: reason ''ü''.','{"classifier": "weak-signal"}','weak-signal','pending','critical','critical',1,'2026-03-04 20:30:00.000000','firing','2026-03-04 20:30:00.000000',0.0,'2026-03-04 20:30:00.000000','live','{}',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0);
INSERT INTO "alerts" VALUES('206b6cf72a737cd1','c4f7aee8dbe97662','19a4245ec129acf5','silenced','radio','coverage','evidence','["evidence"]','Coverage of silenced is bad: reason ''ü''.','{"classifier": "weak-signal"}','weak-signal','open','major','major',2,'2026-03-04 20:30:00.000000','firing','2026-03-04 20:30:00.000000',0.0,'2026-03-04 20:30:00.000000','live','{}',NULL,NULL,NULL,NULL,NULL,'2026-03-04 20:30:00.000000',NULL,NULL,NULL,NULL,0);
INSERT INTO "alerts" VALUES('66622aeea14706f9','5dbc08b3928d81fc','31131b19f8ea840e','mild','mild','coverage','evidence','["evidence"]','Coverage of mild is bad: reason ''ü''.','{"classifier": "weak-signal"}','weak-signal','open','warning','warning',2,'2026-03-04 20:30:00.000000','firing','2026-03-04 20:30:00.000000',0.0,'2026-03-04 20:30:00.000000','live','{}',NULL,NULL,NULL,NULL,NULL,'2026-03-04 20:30:00.000000',NULL,NULL,NULL,NULL,0);
INSERT INTO "alerts" VALUES('768a5135b03c2b1e','e320f12e52a8e10d','41d4c8bb5496813d','night','sleeps','coverage','evidence','["evidence"]','Coverage of night is bad: reason ''ü''.','{"classifier": "weak-signal"}','weak-signal','open','major','major',2,'2026-03-04 20:30:00.000000','firing','2026-03-04 20:30:00.000000',0.0,'2026-03-04 20:30:00.000000','live','{}',NULL,NULL,NULL,NULL,NULL,'2026-03-04 20:30:00.000000',NULL,NULL,NULL,NULL,0);
INSERT INTO "alerts" VALUES('d529af73d3a1d982','5b1c5d3f8a135770','b364f1263651297f','down','radio','coverage','evidence','["evidence"]','Coverage of down is bad: reason ''ü''.','{"classifier": "weak-signal"}','weak-signal','open','major','major',2,'2026-03-04 20:30:00.000000','firing','2026-03-04 20:30:00.000000',0.0,'2026-03-04 20:30:00.000000','live','{}',NULL,NULL,NULL,NULL,NULL,'2026-03-04 20:30:00.000000',NULL,NULL,NULL,NULL,0);
INSERT INTO "alerts" VALUES('f607e1bfd827dbbd','d2c5093242698554','7ee2ff74ec894fc1','waiting','waits','coverage','evidence','["evidence"]','Coverage of waiting is bad: reason ''ü''.','{"classifier": "weak-signal"}','weak-signal','open','major','major',2,'2026-03-04 20:30:00.000000','firing','2026-03-04 20:30:00.000000',0.0,'2026-03-04 20:30:00.000000','live','{}',NULL,NULL,NULL,NULL,NULL,'2026-03-04 20:30:00.000000',NULL,NULL,NULL,NULL,0);
INSERT INTO "alerts" VALUES('87b45689191ad4c3','da07190e5acd840d','e130af7c37855402','','pipeline:daily','','pipeline','["pipeline"]','The daily run failed.','{"classifier": "weak-signal"}','weak-signal','open','major','major',2,'2026-03-04 20:36:00.000000','firing','2026-03-04 20:36:00.000000',0.0,'2026-03-04 20:36:00.000000','pipeline','{}',NULL,NULL,NULL,NULL,NULL,'2026-03-04 20:36:00.000000',NULL,NULL,NULL,NULL,0);
INSERT INTO "alerts" VALUES('a9e6c5b26ad3ce2f','4a0645b0d4929e0f','b60a95f1ee1234f4','sent','radio','coverage','evidence','["evidence"]','Coverage of sent is bad: reason ''ü''.','{"classifier": "weak-signal"}','weak-signal','acknowledged','major','major',3,'2026-03-02 12:00:00.000000','firing','2026-03-02 12:00:00.000000',0.0,'2026-03-02 12:00:00.000000','live','{}',NULL,NULL,NULL,NULL,NULL,'2026-03-02 12:00:00.000000','2026-03-04 21:00:00.000000','Ada: the first',NULL,NULL,0);
CREATE TABLE deliveries (
	delivery_id INTEGER NOT NULL, 
	sink TEXT NOT NULL, 
	incident_id TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	sequence INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	payload JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	due_at DATETIME NOT NULL, 
	attempts INTEGER DEFAULT '0' NOT NULL, 
	last_error TEXT DEFAULT '' NOT NULL, 
	sent_at DATETIME, 
	leased_by TEXT, 
	leased_until DATETIME, 
	CONSTRAINT pk_deliveries PRIMARY KEY (delivery_id), 
	CONSTRAINT uq_deliveries_sink_incident_id_reason_sequence UNIQUE (sink, incident_id, reason, sequence)
);
INSERT INTO "deliveries" VALUES(1,'sending','01ced1316d8639c9','first',1,'sending','{"route": "sending", "severity": "major", "site_ids": ["sending"], "is_over": false, "is_acknowledged": false, "detail": ""}','2026-03-02 12:00:00.000000','2026-03-02 12:00:00.000000',1,'',NULL,'worker-1','2026-03-02 12:02:00.000000');
INSERT INTO "deliveries" VALUES(2,'refused','1305700dfd459e94','first',1,'dead','{"route": "refused", "severity": "major", "site_ids": ["refused"], "is_over": false, "is_acknowledged": false, "detail": ""}','2026-03-02 12:00:00.000000','2026-03-02 12:00:00.000000',1,'400: no such channel: not needed there',NULL,NULL,NULL);
INSERT INTO "deliveries" VALUES(3,'sent','4a0645b0d4929e0f','first',1,'sent','{"route": "sent", "severity": "major", "site_ids": ["sent"], "is_over": false, "is_acknowledged": false, "detail": ""}','2026-03-02 12:00:00.000000','2026-03-02 12:00:00.000000',1,'2 of 3 recipients','2026-03-02 12:00:00.000000',NULL,NULL);
INSERT INTO "deliveries" VALUES(4,'failed','5ce3b28cfb432048','first',1,'failed','{"route": "failed", "severity": "major", "site_ids": ["failed"], "is_over": false, "is_acknowledged": false, "detail": ""}','2026-03-02 12:00:00.000000','2026-03-02 12:00:15.000000',1,'503 Service Unavailable',NULL,NULL,NULL);
INSERT INTO "deliveries" VALUES(5,'unknown','79452a70f2642319','first',1,'unknown','{"route": "unknown", "severity": "major", "site_ids": ["unknown"], "is_over": false, "is_acknowledged": false, "detail": ""}','2026-03-02 12:00:00.000000','2026-03-02 12:00:15.000000',1,'timeout after the request',NULL,NULL,'2026-03-02 12:00:00.000000');
INSERT INTO "deliveries" VALUES(6,'pending','e62aca57c9c13d9e','first',1,'pending','{"route": "pending", "severity": "major", "site_ids": ["pending"], "is_over": false, "is_acknowledged": false, "detail": ""}','2026-03-02 12:00:00.000000','2026-03-02 12:00:00.000000',0,'',NULL,NULL,NULL);
INSERT INTO "deliveries" VALUES(7,'mail','test-000000000001','test',1,'sent','{"route": "", "severity": "warning", "site_ids": [], "is_over": false, "is_acknowledged": false, "detail": ""}','2026-03-02 12:00:00.000000','2026-03-02 12:00:00.000000',1,'','2026-03-02 15:00:00.000000',NULL,NULL);
INSERT INTO "deliveries" VALUES(8,'chat','test-000000000002','test',1,'sent','{"route": "", "severity": "warning", "site_ids": [], "is_over": false, "is_acknowledged": false, "detail": ""}','2026-03-02 12:00:00.000000','2026-03-02 12:00:00.000000',1,'','2026-03-02 12:00:00.000000',NULL,NULL);
INSERT INTO "deliveries" VALUES(9,'sms','test-000000000003','test',1,'pending','{"route": "", "severity": "warning", "site_ids": [], "is_over": false, "is_acknowledged": false, "detail": ""}','2026-03-02 12:00:00.000000','2026-03-02 12:00:00.000000',0,'',NULL,NULL,NULL);
INSERT INTO "deliveries" VALUES(10,'mail','0fd9251d71aea1a3','first',1,'sent','{"route": "call looked-up", "severity": "major", "site_ids": ["looked-up"], "is_over": false, "is_acknowledged": false, "detail": ""}','2026-03-02 15:00:00.000000','2026-03-02 15:00:00.000000',1,'','2026-03-02 15:00:00.000000',NULL,NULL);
INSERT INTO "deliveries" VALUES(11,'mail','0fe3f957de92017d','first',1,'sent','{"route": "call under-way", "severity": "major", "site_ids": ["under-way"], "is_over": false, "is_acknowledged": false, "detail": ""}','2026-03-02 15:00:00.000000','2026-03-02 15:00:00.000000',1,'','2026-03-02 15:00:00.000000',NULL,NULL);
INSERT INTO "deliveries" VALUES(12,'mail','4d188f4ec3b136cb','first',1,'sent','{"route": "slow", "severity": "major", "site_ids": ["recovered"], "is_over": false, "is_acknowledged": false, "detail": ""}','2026-03-02 15:00:00.000000','2026-03-02 15:00:00.000000',1,'','2026-03-02 15:00:00.000000',NULL,NULL);
INSERT INTO "deliveries" VALUES(13,'mail','7736bf8fb7b87982','first',1,'sent','{"route": "call closed", "severity": "major", "site_ids": ["closed"], "is_over": false, "is_acknowledged": false, "detail": ""}','2026-03-02 15:00:00.000000','2026-03-02 15:00:00.000000',1,'','2026-03-02 15:00:00.000000',NULL,NULL);
INSERT INTO "deliveries" VALUES(14,'mail','b9b729b24c439777','first',1,'sent','{"route": "call called", "severity": "major", "site_ids": ["called"], "is_over": false, "is_acknowledged": false, "detail": ""}','2026-03-02 15:00:00.000000','2026-03-02 15:00:00.000000',1,'','2026-03-02 15:00:00.000000',NULL,NULL);
INSERT INTO "deliveries" VALUES(15,'mail','ca2e22e24022b4e6','first',1,'sent','{"route": "call taken", "severity": "major", "site_ids": ["taken"], "is_over": false, "is_acknowledged": false, "detail": ""}','2026-03-02 15:00:00.000000','2026-03-02 15:00:00.000000',1,'','2026-03-02 15:00:00.000000',NULL,NULL);
INSERT INTO "deliveries" VALUES(16,'pager','0fd9251d71aea1a3','escalation',1,'unknown','{"route": "duty", "severity": "major", "site_ids": ["looked-up"], "is_over": false, "is_acknowledged": false, "detail": "ada"}','2026-03-02 15:15:00.000000','2026-03-02 15:15:00.000000',2,'not needed: acknowledged by cid',NULL,'worker-2','2026-03-02 15:20:00.000000');
INSERT INTO "deliveries" VALUES(17,'pager','0fe3f957de92017d','escalation',1,'unknown','{"route": "duty", "severity": "major", "site_ids": ["under-way"], "is_over": false, "is_acknowledged": false, "detail": "ada"}','2026-03-02 15:15:00.000000','2026-03-02 15:15:00.000000',2,'not needed: acknowledged by digest-lover: bob',NULL,'worker-2','2026-03-02 15:20:00.000000');
INSERT INTO "deliveries" VALUES(18,'pager','7736bf8fb7b87982','escalation',1,'sending','{"route": "duty", "severity": "major", "site_ids": ["closed"], "is_over": false, "is_acknowledged": false, "detail": "ada"}','2026-03-02 15:15:00.000000','2026-03-02 15:15:00.000000',1,'not needed: closed by test-driver ü',NULL,'worker-2','2026-03-02 15:20:00.000000');
INSERT INTO "deliveries" VALUES(19,'pager','b9b729b24c439777','escalation',1,'sending','{"route": "duty", "severity": "major", "site_ids": ["called"], "is_over": false, "is_acknowledged": false, "detail": "ada"}','2026-03-02 15:15:00.000000','2026-03-02 15:15:00.000000',1,'',NULL,'worker-2','2026-03-02 15:20:00.000000');
INSERT INTO "deliveries" VALUES(20,'pager','ca2e22e24022b4e6','escalation',1,'sending','{"route": "duty", "severity": "major", "site_ids": ["taken"], "is_over": false, "is_acknowledged": false, "detail": "ada"}','2026-03-02 15:15:00.000000','2026-03-02 15:15:00.000000',1,'not needed: acknowledged by ada',NULL,'worker-2','2026-03-02 15:20:00.000000');
INSERT INTO "deliveries" VALUES(21,'pager','0fd9251d71aea1a3','escalation',2,'dead','{"route": "duty", "severity": "major", "site_ids": ["looked-up"], "is_over": false, "is_acknowledged": false, "detail": "bob"}','2026-03-02 15:30:00.000000','2026-03-02 15:30:00.000000',0,'not needed: acknowledged by cid',NULL,NULL,NULL);
INSERT INTO "deliveries" VALUES(22,'pager','b9b729b24c439777','escalation',2,'pending','{"route": "duty", "severity": "major", "site_ids": ["called"], "is_over": false, "is_acknowledged": false, "detail": "bob"}','2026-03-02 15:30:00.000000','2026-03-02 15:30:00.000000',0,'',NULL,NULL,NULL);
INSERT INTO "deliveries" VALUES(23,'mail','0fd9251d71aea1a3','acknowledged',2,'pending','{"route": "call looked-up", "severity": "major", "site_ids": ["looked-up"], "is_over": false, "is_acknowledged": true, "detail": ""}','2026-03-02 16:00:00.000000','2026-03-02 16:00:00.000000',0,'',NULL,NULL,NULL);
INSERT INTO "deliveries" VALUES(24,'pager','0fd9251d71aea1a3','acknowledged',1,'pending','{"route": "", "severity": "major", "site_ids": ["looked-up"], "is_over": false, "is_acknowledged": true, "detail": ""}','2026-03-02 16:00:00.000000','2026-03-02 16:00:00.000000',0,'',NULL,NULL,NULL);
INSERT INTO "deliveries" VALUES(25,'mail','0fe3f957de92017d','acknowledged',2,'pending','{"route": "call under-way", "severity": "major", "site_ids": ["under-way"], "is_over": false, "is_acknowledged": true, "detail": ""}','2026-03-02 16:00:00.000000','2026-03-02 16:00:00.000000',0,'',NULL,NULL,NULL);
INSERT INTO "deliveries" VALUES(26,'pager','0fe3f957de92017d','acknowledged',1,'pending','{"route": "", "severity": "major", "site_ids": ["under-way"], "is_over": false, "is_acknowledged": true, "detail": ""}','2026-03-02 16:00:00.000000','2026-03-02 16:00:00.000000',0,'',NULL,NULL,NULL);
INSERT INTO "deliveries" VALUES(27,'mail','7736bf8fb7b87982','all_resolved',2,'pending','{"route": "call closed", "severity": "major", "site_ids": [], "is_over": true, "is_acknowledged": false, "detail": ""}','2026-03-02 16:00:00.000000','2026-03-02 16:00:00.000000',0,'',NULL,NULL,NULL);
INSERT INTO "deliveries" VALUES(28,'pager','7736bf8fb7b87982','all_resolved',1,'pending','{"route": "", "severity": "major", "site_ids": [], "is_over": true, "is_acknowledged": false, "detail": ""}','2026-03-02 16:00:00.000000','2026-03-02 16:00:00.000000',0,'',NULL,NULL,NULL);
INSERT INTO "deliveries" VALUES(29,'mail','ca2e22e24022b4e6','acknowledged',2,'pending','{"route": "call taken", "severity": "major", "site_ids": ["taken"], "is_over": false, "is_acknowledged": true, "detail": ""}','2026-03-02 16:00:00.000000','2026-03-02 16:00:00.000000',0,'',NULL,NULL,NULL);
INSERT INTO "deliveries" VALUES(30,'pager','ca2e22e24022b4e6','acknowledged',1,'pending','{"route": "", "severity": "major", "site_ids": ["taken"], "is_over": false, "is_acknowledged": true, "detail": ""}','2026-03-02 16:00:00.000000','2026-03-02 16:00:00.000000',0,'',NULL,NULL,NULL);
INSERT INTO "deliveries" VALUES(31,'mail','f08d86cd2fe6ac0e','first',1,'pending','{"route": "again", "severity": "major", "site_ids": ["again"], "is_over": false, "is_acknowledged": false, "detail": ""}','2026-03-02 17:00:00.000000','2026-03-02 17:00:00.000000',0,'',NULL,NULL,NULL);
INSERT INTO "deliveries" VALUES(32,'phone','f08d86cd2fe6ac0e','escalation',1,'dead','{"route": "repeated", "severity": "major", "site_ids": ["again"], "is_over": false, "is_acknowledged": false, "detail": "ada"}','2026-03-02 17:10:00.000000','2026-03-02 17:10:00.000000',1,'404: number unknown',NULL,NULL,NULL);
INSERT INTO "deliveries" VALUES(33,'phone','f08d86cd2fe6ac0e','escalation',2,'pending','{"route": "repeated", "severity": "major", "site_ids": ["again"], "is_over": false, "is_acknowledged": false, "detail": "ada"}','2026-03-02 18:40:00.000000','2026-03-02 18:40:00.000000',0,'',NULL,NULL,NULL);
INSERT INTO "deliveries" VALUES(34,'mail','5248820b9aee3f80','first',1,'pending','{"route": "call north", "severity": "major", "site_ids": ["north-2"], "is_over": false, "is_acknowledged": false, "detail": ""}','2026-03-02 20:00:00.000000','2026-03-02 20:00:00.000000',0,'',NULL,NULL,NULL);
INSERT INTO "deliveries" VALUES(35,'mail','e53de37ed3884b88','first',1,'pending','{"route": "call north", "severity": "major", "site_ids": ["north-1"], "is_over": false, "is_acknowledged": false, "detail": ""}','2026-03-02 20:00:00.000000','2026-03-02 20:00:00.000000',0,'',NULL,NULL,NULL);
INSERT INTO "deliveries" VALUES(36,'mail','5248820b9aee3f80','merged',2,'pending','{"route": "call taken", "severity": "major", "site_ids": [], "is_over": true, "is_acknowledged": false, "detail": "bffe6c2d066b1f59"}','2026-03-02 20:06:00.000000','2026-03-02 20:06:00.000000',0,'',NULL,NULL,NULL);
INSERT INTO "deliveries" VALUES(37,'mail','bffe6c2d066b1f59','first',1,'pending','{"route": "others", "severity": "major", "site_ids": ["north-1", "north-2"], "is_over": false, "is_acknowledged": false, "detail": ""}','2026-03-02 20:06:00.000000','2026-03-02 20:06:00.000000',0,'',NULL,NULL,NULL);
INSERT INTO "deliveries" VALUES(38,'mail','e53de37ed3884b88','merged',2,'pending','{"route": "call taken", "severity": "major", "site_ids": [], "is_over": true, "is_acknowledged": false, "detail": "bffe6c2d066b1f59"}','2026-03-02 20:06:00.000000','2026-03-02 20:06:00.000000',0,'',NULL,NULL,NULL);
INSERT INTO "deliveries" VALUES(39,'digest','digest-f1d6fcc4d8a000a2','digest',1,'sent','{"route": "digests", "severity": "major", "site_ids": ["dark-1", "dark-2"], "is_over": false, "is_acknowledged": false, "detail": "2", "covers": [{"route": "digests", "severity": "major", "site_ids": ["dark-1"], "is_over": false, "is_acknowledged": false, "detail": "", "incident_id": "b226b47eba833c8c", "reason": "first", "sequence": 1}, {"route": "digests", "severity": "major", "site_ids": ["dark-2"], "is_over": false, "is_acknowledged": false, "detail": "", "incident_id": "fc6a4daeb4144d29", "reason": "first", "sequence": 1}]}','2026-03-03 06:30:00.000000','2026-03-03 06:30:00.000000',1,'','2026-03-03 06:30:00.000000',NULL,NULL);
INSERT INTO "deliveries" VALUES(40,'mail','4d188f4ec3b136cb','all_resolved',2,'pending','{"route": "slow", "severity": "major", "site_ids": [], "is_over": true, "is_acknowledged": false, "detail": ""}','2026-03-03 04:00:00.000000','2026-03-03 04:00:00.000000',0,'',NULL,NULL,NULL);
INSERT INTO "deliveries" VALUES(41,'digest','b226b47eba833c8c','severity_rise',2,'pending','{"route": "digests", "severity": "critical", "site_ids": ["dark-1"], "is_over": false, "is_acknowledged": false, "detail": "major \u2192 critical"}','2026-03-03 22:00:00.000000','2026-03-03 22:00:00.000000',0,'',NULL,NULL,NULL);
INSERT INTO "deliveries" VALUES(42,'digest','digest-d85f7ae803a3a915','digest',1,'pending','{"route": "digests", "severity": "major", "site_ids": ["dark-3", "dark-4", "dark-5"], "is_over": false, "is_acknowledged": false, "detail": "3", "covers": [{"route": "digests", "severity": "major", "site_ids": ["dark-3"], "is_over": false, "is_acknowledged": false, "detail": "", "incident_id": "04121ed3cd3c5921", "reason": "first", "sequence": 1}, {"route": "digests", "severity": "major", "site_ids": ["dark-4"], "is_over": false, "is_acknowledged": false, "detail": "", "incident_id": "b30efa5bee737263", "reason": "first", "sequence": 1}, {"route": "digests", "severity": "major", "site_ids": ["dark-5"], "is_over": false, "is_acknowledged": false, "detail": "", "incident_id": "e3cbf145b05d6572", "reason": "first", "sequence": 1}]}','2026-03-04 06:30:00.000000','2026-03-04 06:30:00.000000',0,'',NULL,NULL,NULL);
INSERT INTO "deliveries" VALUES(43,'mail','8805b82ff0017cca','first',1,'pending','{"route": "others", "severity": "critical", "site_ids": ["down"], "is_over": false, "is_acknowledged": false, "detail": ""}','2026-03-04 14:00:00.000000','2026-03-04 14:00:00.000000',0,'',NULL,NULL,NULL);
INSERT INTO "deliveries" VALUES(44,'mail','dd9f34f8cd832108','first',1,'pending','{"route": "call soon", "severity": "major", "site_ids": ["soon"], "is_over": false, "is_acknowledged": false, "detail": ""}','2026-03-04 20:30:00.000000','2026-03-04 20:30:00.000000',0,'',NULL,NULL,NULL);
INSERT INTO "deliveries" VALUES(45,'mail','da07190e5acd840d','first',1,'pending','{"route": "others", "severity": "major", "site_ids": [""], "is_over": false, "is_acknowledged": false, "detail": ""}','2026-03-04 20:36:00.000000','2026-03-04 20:36:00.000000',0,'',NULL,NULL,NULL);
CREATE TABLE escalations (
	incident_id TEXT NOT NULL, 
	policy TEXT NOT NULL, 
	begun_at DATETIME NOT NULL, 
	number INTEGER NOT NULL, 
	due_at DATETIME NOT NULL, 
	expires_at DATETIME NOT NULL, 
	stops_when TEXT NOT NULL, 
	sink TEXT NOT NULL, 
	target TEXT NOT NULL, 
	state TEXT NOT NULL, 
	because TEXT NOT NULL, 
	CONSTRAINT pk_escalations PRIMARY KEY (incident_id, policy, begun_at, number)
);
INSERT INTO "escalations" VALUES('0fd9251d71aea1a3','duty','2026-03-02 15:00:00.000000',1,'2026-03-02 15:15:00.000000','2026-03-03 15:00:00.000000','acknowledged','pager','ada','fired','');
INSERT INTO "escalations" VALUES('0fd9251d71aea1a3','duty','2026-03-02 15:00:00.000000',2,'2026-03-02 15:30:00.000000','2026-03-03 15:00:00.000000','acknowledged','pager','bob','fired','');
INSERT INTO "escalations" VALUES('0fe3f957de92017d','duty','2026-03-02 15:00:00.000000',1,'2026-03-02 15:15:00.000000','2026-03-03 15:00:00.000000','acknowledged','pager','ada','fired','');
INSERT INTO "escalations" VALUES('0fe3f957de92017d','duty','2026-03-02 15:00:00.000000',2,'2026-03-02 15:30:00.000000','2026-03-03 15:00:00.000000','acknowledged','pager','bob','cancelled','acknowledged by digest-lover: bob');
INSERT INTO "escalations" VALUES('4d188f4ec3b136cb','slow','2026-03-02 15:00:00.000000',1,'2026-03-03 11:00:00.000000','2026-03-03 15:00:00.000000','acknowledged','pager','ada','cancelled','resolved');
INSERT INTO "escalations" VALUES('7736bf8fb7b87982','duty','2026-03-02 15:00:00.000000',1,'2026-03-02 15:15:00.000000','2026-03-03 15:00:00.000000','acknowledged','pager','ada','fired','');
INSERT INTO "escalations" VALUES('7736bf8fb7b87982','duty','2026-03-02 15:00:00.000000',2,'2026-03-02 15:30:00.000000','2026-03-03 15:00:00.000000','acknowledged','pager','bob','cancelled','closed by test-driver ü');
INSERT INTO "escalations" VALUES('b9b729b24c439777','duty','2026-03-02 15:00:00.000000',1,'2026-03-02 15:15:00.000000','2026-03-03 15:00:00.000000','acknowledged','pager','ada','fired','');
INSERT INTO "escalations" VALUES('b9b729b24c439777','duty','2026-03-02 15:00:00.000000',2,'2026-03-02 15:30:00.000000','2026-03-03 15:00:00.000000','acknowledged','pager','bob','fired','');
INSERT INTO "escalations" VALUES('ca2e22e24022b4e6','duty','2026-03-02 15:00:00.000000',1,'2026-03-02 15:15:00.000000','2026-03-03 15:00:00.000000','acknowledged','pager','ada','fired','');
INSERT INTO "escalations" VALUES('ca2e22e24022b4e6','duty','2026-03-02 15:00:00.000000',2,'2026-03-02 15:30:00.000000','2026-03-03 15:00:00.000000','acknowledged','pager','bob','cancelled','acknowledged by ada');
INSERT INTO "escalations" VALUES('f08d86cd2fe6ac0e','repeated','2026-03-02 17:00:00.000000',1,'2026-03-02 17:10:00.000000','2026-03-02 20:00:00.000000','resolved','phone','ada','fired','');
INSERT INTO "escalations" VALUES('f08d86cd2fe6ac0e','repeated','2026-03-02 17:00:00.000000',2,'2026-03-02 17:40:00.000000','2026-03-02 20:00:00.000000','resolved','phone','ada','cancelled','overtaken by its repetition');
INSERT INTO "escalations" VALUES('f08d86cd2fe6ac0e','repeated','2026-03-02 17:00:00.000000',3,'2026-03-02 18:10:00.000000','2026-03-02 20:00:00.000000','resolved','phone','ada','cancelled','overtaken by its repetition');
INSERT INTO "escalations" VALUES('f08d86cd2fe6ac0e','repeated','2026-03-02 17:00:00.000000',4,'2026-03-02 18:40:00.000000','2026-03-02 20:00:00.000000','resolved','phone','ada','fired','');
INSERT INTO "escalations" VALUES('f08d86cd2fe6ac0e','repeated','2026-03-02 17:00:00.000000',5,'2026-03-02 19:10:00.000000','2026-03-02 20:00:00.000000','resolved','phone','ada','cancelled','expired');
INSERT INTO "escalations" VALUES('f08d86cd2fe6ac0e','repeated','2026-03-02 17:00:00.000000',6,'2026-03-02 19:40:00.000000','2026-03-02 20:00:00.000000','resolved','phone','ada','cancelled','expired');
INSERT INTO "escalations" VALUES('5248820b9aee3f80','duty','2026-03-02 20:00:00.000000',1,'2026-03-02 20:15:00.000000','2026-03-03 20:00:00.000000','acknowledged','pager','ada','cancelled','merged');
INSERT INTO "escalations" VALUES('5248820b9aee3f80','duty','2026-03-02 20:00:00.000000',2,'2026-03-02 20:30:00.000000','2026-03-03 20:00:00.000000','acknowledged','pager','bob','cancelled','merged');
INSERT INTO "escalations" VALUES('e53de37ed3884b88','duty','2026-03-02 20:00:00.000000',1,'2026-03-02 20:15:00.000000','2026-03-03 20:00:00.000000','acknowledged','pager','ada','cancelled','merged');
INSERT INTO "escalations" VALUES('e53de37ed3884b88','duty','2026-03-02 20:00:00.000000',2,'2026-03-02 20:30:00.000000','2026-03-03 20:00:00.000000','acknowledged','pager','bob','cancelled','merged');
INSERT INTO "escalations" VALUES('dd9f34f8cd832108','duty','2026-03-04 20:30:00.000000',1,'2026-03-04 20:45:00.000000','2026-03-05 20:30:00.000000','acknowledged','pager','ada','pending','');
INSERT INTO "escalations" VALUES('dd9f34f8cd832108','duty','2026-03-04 20:30:00.000000',2,'2026-03-04 21:00:00.000000','2026-03-05 20:30:00.000000','acknowledged','pager','bob','pending','');
CREATE TABLE "evaluations" (
	as_of DATETIME NOT NULL, 
	source TEXT NOT NULL, 
	events INTEGER NOT NULL, 
	origin TEXT, 
	CONSTRAINT pk_evaluations PRIMARY KEY (as_of), 
	CONSTRAINT uq_evaluations_origin UNIQUE (origin)
);
INSERT INTO "evaluations" VALUES('2026-03-02 12:00:00.000000','live',24,'20260302T120000.000000Z-live');
INSERT INTO "evaluations" VALUES('2026-03-02 14:00:00.000000','live',0,'20260302T140000.000000Z-live');
INSERT INTO "evaluations" VALUES('2026-03-02 15:00:00.000000','live',24,'20260302T150000.000000Z-live');
INSERT INTO "evaluations" VALUES('2026-03-02 16:00:00.000000','live',1,'20260302T160000.000000Z-live');
INSERT INTO "evaluations" VALUES('2026-03-02 17:00:00.000000','live',4,'20260302T170000.000000Z-live');
INSERT INTO "evaluations" VALUES('2026-03-02 19:00:00.000000','live',0,'20260302T190000.000000Z-live');
INSERT INTO "evaluations" VALUES('2026-03-02 20:00:00.000000','live',8,'20260302T200000.000000Z-live');
INSERT INTO "evaluations" VALUES('2026-03-02 20:06:00.000000','live',6,'20260302T200600.000000Z-live');
INSERT INTO "evaluations" VALUES('2026-03-02 21:00:00.000000','live',4,'20260302T210000.000000Z-live');
INSERT INTO "evaluations" VALUES('2026-03-02 23:00:00.000000','live',0,'20260302T230000.000000Z-live');
INSERT INTO "evaluations" VALUES('2026-03-03 00:00:00.000000','live',4,'20260303T000000.000000Z-live');
INSERT INTO "evaluations" VALUES('2026-03-03 02:00:00.000000','live',0,'20260303T020000.000000Z-live');
INSERT INTO "evaluations" VALUES('2026-03-03 04:00:00.000000','live',2,'20260303T040000.000000Z-live');
INSERT INTO "evaluations" VALUES('2026-03-03 06:00:00.000000','live',0,'20260303T060000.000000Z-live');
INSERT INTO "evaluations" VALUES('2026-03-03 08:00:00.000000','live',0,'20260303T080000.000000Z-live');
INSERT INTO "evaluations" VALUES('2026-03-03 10:00:00.000000','live',0,'20260303T100000.000000Z-live');
INSERT INTO "evaluations" VALUES('2026-03-03 12:00:00.000000','live',0,'20260303T120000.000000Z-live');
INSERT INTO "evaluations" VALUES('2026-03-03 14:00:00.000000','live',0,'20260303T140000.000000Z-live');
INSERT INTO "evaluations" VALUES('2026-03-03 16:00:00.000000','live',0,'20260303T160000.000000Z-live');
INSERT INTO "evaluations" VALUES('2026-03-03 18:00:00.000000','live',0,'20260303T180000.000000Z-live');
INSERT INTO "evaluations" VALUES('2026-03-03 20:00:00.000000','live',0,'20260303T200000.000000Z-live');
INSERT INTO "evaluations" VALUES('2026-03-03 22:00:00.000000','live',6,'20260303T220000.000000Z-live');
INSERT INTO "evaluations" VALUES('2026-03-04 00:00:00.000000','live',0,'20260304T000000.000000Z-live');
INSERT INTO "evaluations" VALUES('2026-03-04 01:00:00.000000','live',4,'20260304T010000.000000Z-live');
INSERT INTO "evaluations" VALUES('2026-03-04 01:06:00.000000','live',4,'20260304T010600.000000Z-live');
INSERT INTO "evaluations" VALUES('2026-03-04 03:06:00.000000','live',0,'20260304T030600.000000Z-live');
INSERT INTO "evaluations" VALUES('2026-03-04 05:06:00.000000','live',0,'20260304T050600.000000Z-live');
INSERT INTO "evaluations" VALUES('2026-03-04 07:06:00.000000','live',0,'20260304T070600.000000Z-live');
INSERT INTO "evaluations" VALUES('2026-03-04 09:06:00.000000','live',0,'20260304T090600.000000Z-live');
INSERT INTO "evaluations" VALUES('2026-03-04 11:06:00.000000','live',0,'20260304T110600.000000Z-live');
INSERT INTO "evaluations" VALUES('2026-03-04 13:06:00.000000','live',0,'20260304T130600.000000Z-live');
INSERT INTO "evaluations" VALUES('2026-03-04 14:00:00.000000','live',4,'20260304T140000.000000Z-live');
INSERT INTO "evaluations" VALUES('2026-03-04 16:00:00.000000','live',0,'20260304T160000.000000Z-live');
INSERT INTO "evaluations" VALUES('2026-03-04 18:00:00.000000','live',0,'20260304T180000.000000Z-live');
INSERT INTO "evaluations" VALUES('2026-03-04 20:00:00.000000','live',0,'20260304T200000.000000Z-live');
INSERT INTO "evaluations" VALUES('2026-03-04 20:30:00.000000','live',25,'20260304T203000.000000Z-live');
INSERT INTO "evaluations" VALUES('2026-03-04 20:36:00.000000','pipeline',4,'20260304T203600.000000Z-pipeline');
CREATE TABLE events (
	event_id INTEGER NOT NULL, 
	subject TEXT NOT NULL, 
	subject_id TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	kind TEXT NOT NULL, 
	detail JSON NOT NULL, 
	CONSTRAINT pk_events PRIMARY KEY (event_id), 
	CONSTRAINT uq_events_subject_subject_id_number UNIQUE (subject, subject_id, number)
);
INSERT INTO "events" VALUES(1,'alert','87c6679c29aaa284',1,'2026-03-02 12:00:00.000000','pending','{"kinds": ["evidence"], "summary": "Coverage of failed is bad: reason ''\u00fc''.", "evidence": "{\"classifier\": \"weak-signal\"}", "classifier": "weak-signal", "lines": {}, "fingerprint": "ac87e8d1148c0c00", "site_id": "failed", "family": "radio", "metric": "coverage", "kind": "evidence", "severity": "major", "valid_until": "2026-03-02T12:00:00+00:00", "source": "live"}');
INSERT INTO "events" VALUES(2,'alert','87c6679c29aaa284',2,'2026-03-02 12:00:00.000000','opened','{"severity": "major"}');
INSERT INTO "events" VALUES(3,'alert','54d7f3b200edcfa1',1,'2026-03-02 12:00:00.000000','pending','{"kinds": ["evidence"], "summary": "Coverage of pending is bad: reason ''\u00fc''.", "evidence": "{\"classifier\": \"weak-signal\"}", "classifier": "weak-signal", "lines": {}, "fingerprint": "628f6890825a11c7", "site_id": "pending", "family": "radio", "metric": "coverage", "kind": "evidence", "severity": "major", "valid_until": "2026-03-02T12:00:00+00:00", "source": "live"}');
INSERT INTO "events" VALUES(4,'alert','54d7f3b200edcfa1',2,'2026-03-02 12:00:00.000000','opened','{"severity": "major"}');
INSERT INTO "events" VALUES(5,'alert','87db38058e013fd0',1,'2026-03-02 12:00:00.000000','pending','{"kinds": ["evidence"], "summary": "Coverage of refused is bad: reason ''\u00fc''.", "evidence": "{\"classifier\": \"weak-signal\"}", "classifier": "weak-signal", "lines": {}, "fingerprint": "914fb4a14947fa59", "site_id": "refused", "family": "radio", "metric": "coverage", "kind": "evidence", "severity": "major", "valid_until": "2026-03-02T12:00:00+00:00", "source": "live"}');
INSERT INTO "events" VALUES(6,'alert','87db38058e013fd0',2,'2026-03-02 12:00:00.000000','opened','{"severity": "major"}');
INSERT INTO "events" VALUES(7,'alert','c28a75e9449ecea7',1,'2026-03-02 12:00:00.000000','pending','{"kinds": ["evidence"], "summary": "Coverage of sending is bad: reason ''\u00fc''.", "evidence": "{\"classifier\": \"weak-signal\"}", "classifier": "weak-signal", "lines": {}, "fingerprint": "d8c5b5e283c0daaa", "site_id": "sending", "family": "radio", "metric": "coverage", "kind": "evidence", "severity": "major", "valid_until": "2026-03-02T12:00:00+00:00", "source": "live"}');
INSERT INTO "events" VALUES(8,'alert','c28a75e9449ecea7',2,'2026-03-02 12:00:00.000000','opened','{"severity": "major"}');
INSERT INTO "events" VALUES(9,'alert','a9e6c5b26ad3ce2f',1,'2026-03-02 12:00:00.000000','pending','{"kinds": ["evidence"], "summary": "Coverage of sent is bad: reason ''\u00fc''.", "evidence": "{\"classifier\": \"weak-signal\"}", "classifier": "weak-signal", "lines": {}, "fingerprint": "b60a95f1ee1234f4", "site_id": "sent", "family": "radio", "metric": "coverage", "kind": "evidence", "severity": "major", "valid_until": "2026-03-02T12:00:00+00:00", "source": "live"}');
INSERT INTO "events" VALUES(10,'alert','a9e6c5b26ad3ce2f',2,'2026-03-02 12:00:00.000000','opened','{"severity": "major"}');
INSERT INTO "events" VALUES(11,'alert','646fb25f52e90f3b',1,'2026-03-02 12:00:00.000000','pending','{"kinds": ["evidence"], "summary": "Coverage of unknown is bad: reason ''\u00fc''.", "evidence": "{\"classifier\": \"weak-signal\"}", "classifier": "weak-signal", "lines": {}, "fingerprint": "1692f90d8abcd6d8", "site_id": "unknown", "family": "radio", "metric": "coverage", "kind": "evidence", "severity": "major", "valid_until": "2026-03-02T12:00:00+00:00", "source": "live"}');
INSERT INTO "events" VALUES(12,'alert','646fb25f52e90f3b',2,'2026-03-02 12:00:00.000000','opened','{"severity": "major"}');
INSERT INTO "events" VALUES(13,'incident','e62aca57c9c13d9e',1,'2026-03-02 12:00:00.000000','opened','{"fingerprint": "76133c759f1dab75", "scope": "site", "family": "radio", "cause": "Coverage of pending is bad: reason ''\u00fc''.", "attribute": "site", "value": "pending"}');
INSERT INTO "events" VALUES(14,'incident','e62aca57c9c13d9e',2,'2026-03-02 12:00:00.000000','joined','{"alert_ids": ["54d7f3b200edcfa1"]}');
INSERT INTO "events" VALUES(15,'incident','79452a70f2642319',1,'2026-03-02 12:00:00.000000','opened','{"fingerprint": "cbd96c62f7b0955b", "scope": "site", "family": "radio", "cause": "Coverage of unknown is bad: reason ''\u00fc''.", "attribute": "site", "value": "unknown"}');
INSERT INTO "events" VALUES(16,'incident','79452a70f2642319',2,'2026-03-02 12:00:00.000000','joined','{"alert_ids": ["646fb25f52e90f3b"]}');
INSERT INTO "events" VALUES(17,'incident','5ce3b28cfb432048',1,'2026-03-02 12:00:00.000000','opened','{"fingerprint": "f1f36a937a7507e9", "scope": "site", "family": "radio", "cause": "Coverage of failed is bad: reason ''\u00fc''.", "attribute": "site", "value": "failed"}');
INSERT INTO "events" VALUES(18,'incident','5ce3b28cfb432048',2,'2026-03-02 12:00:00.000000','joined','{"alert_ids": ["87c6679c29aaa284"]}');
INSERT INTO "events" VALUES(19,'incident','1305700dfd459e94',1,'2026-03-02 12:00:00.000000','opened','{"fingerprint": "19df56553ac275bd", "scope": "site", "family": "radio", "cause": "Coverage of refused is bad: reason ''\u00fc''.", "attribute": "site", "value": "refused"}');
INSERT INTO "events" VALUES(20,'incident','1305700dfd459e94',2,'2026-03-02 12:00:00.000000','joined','{"alert_ids": ["87db38058e013fd0"]}');
INSERT INTO "events" VALUES(21,'incident','4a0645b0d4929e0f',1,'2026-03-02 12:00:00.000000','opened','{"fingerprint": "4ac14acaafad2466", "scope": "site", "family": "radio", "cause": "Coverage of sent is bad: reason ''\u00fc''.", "attribute": "site", "value": "sent"}');
INSERT INTO "events" VALUES(22,'incident','4a0645b0d4929e0f',2,'2026-03-02 12:00:00.000000','joined','{"alert_ids": ["a9e6c5b26ad3ce2f"]}');
INSERT INTO "events" VALUES(23,'incident','01ced1316d8639c9',1,'2026-03-02 12:00:00.000000','opened','{"fingerprint": "3bb37879eb4b6ad0", "scope": "site", "family": "radio", "cause": "Coverage of sending is bad: reason ''\u00fc''.", "attribute": "site", "value": "sending"}');
INSERT INTO "events" VALUES(24,'incident','01ced1316d8639c9',2,'2026-03-02 12:00:00.000000','joined','{"alert_ids": ["c28a75e9449ecea7"]}');
INSERT INTO "events" VALUES(25,'alert','8178ba86d7ee980f',1,'2026-03-02 15:00:00.000000','pending','{"kinds": ["evidence"], "summary": "Coverage of called is bad: reason ''\u00fc''.", "evidence": "{\"classifier\": \"weak-signal\"}", "classifier": "weak-signal", "lines": {}, "fingerprint": "7529b2ffcceed69b", "site_id": "called", "family": "connect", "metric": "coverage", "kind": "evidence", "severity": "major", "valid_until": "2026-03-02T15:00:00+00:00", "source": "live"}');
INSERT INTO "events" VALUES(26,'alert','8178ba86d7ee980f',2,'2026-03-02 15:00:00.000000','opened','{"severity": "major"}');
INSERT INTO "events" VALUES(27,'alert','1949e95f1d1a78d1',1,'2026-03-02 15:00:00.000000','pending','{"kinds": ["evidence"], "summary": "Coverage of closed is bad: reason ''\u00fc''.", "evidence": "{\"classifier\": \"weak-signal\"}", "classifier": "weak-signal", "lines": {}, "fingerprint": "f6c160496d82e231", "site_id": "closed", "family": "connect", "metric": "coverage", "kind": "evidence", "severity": "major", "valid_until": "2026-03-02T15:00:00+00:00", "source": "live"}');
INSERT INTO "events" VALUES(28,'alert','1949e95f1d1a78d1',2,'2026-03-02 15:00:00.000000','opened','{"severity": "major"}');
INSERT INTO "events" VALUES(29,'alert','586436b3433e0479',1,'2026-03-02 15:00:00.000000','pending','{"kinds": ["evidence"], "summary": "Coverage of looked-up is bad: reason ''\u00fc''.", "evidence": "{\"classifier\": \"weak-signal\"}", "classifier": "weak-signal", "lines": {}, "fingerprint": "c7bfbb8fe8afeefc", "site_id": "looked-up", "family": "connect", "metric": "coverage", "kind": "evidence", "severity": "major", "valid_until": "2026-03-02T15:00:00+00:00", "source": "live"}');
INSERT INTO "events" VALUES(30,'alert','586436b3433e0479',2,'2026-03-02 15:00:00.000000','opened','{"severity": "major"}');
INSERT INTO "events" VALUES(31,'alert','4fcd0c4fe73a1cd9',1,'2026-03-02 15:00:00.000000','pending','{"kinds": ["evidence"], "summary": "Coverage of recovered is bad: reason ''\u00fc''.", "evidence": "{\"classifier\": \"weak-signal\"}", "classifier": "weak-signal", "lines": {}, "fingerprint": "6f360057332a50cf", "site_id": "recovered", "family": "connect", "metric": "coverage", "kind": "evidence", "severity": "major", "valid_until": "2026-03-02T15:00:00+00:00", "source": "live"}');
INSERT INTO "events" VALUES(32,'alert','4fcd0c4fe73a1cd9',2,'2026-03-02 15:00:00.000000','opened','{"severity": "major"}');
INSERT INTO "events" VALUES(33,'alert','69ae772946f8c7d4',1,'2026-03-02 15:00:00.000000','pending','{"kinds": ["evidence"], "summary": "Coverage of taken is bad: reason ''\u00fc''.", "evidence": "{\"classifier\": \"weak-signal\"}", "classifier": "weak-signal", "lines": {}, "fingerprint": "ef5584326274ebbe", "site_id": "taken", "family": "connect", "metric": "coverage", "kind": "evidence", "severity": "major", "valid_until": "2026-03-02T15:00:00+00:00", "source": "live"}');
INSERT INTO "events" VALUES(34,'alert','69ae772946f8c7d4',2,'2026-03-02 15:00:00.000000','opened','{"severity": "major"}');
INSERT INTO "events" VALUES(35,'alert','65b76dcda8bd48bc',1,'2026-03-02 15:00:00.000000','pending','{"kinds": ["evidence"], "summary": "Coverage of under-way is bad: reason ''\u00fc''.", "evidence": "{\"classifier\": \"weak-signal\"}", "classifier": "weak-signal", "lines": {}, "fingerprint": "b6ec52fa7d899455", "site_id": "under-way", "family": "connect", "metric": "coverage", "kind": "evidence", "severity": "major", "valid_until": "2026-03-02T15:00:00+00:00", "source": "live"}');
INSERT INTO "events" VALUES(36,'alert','65b76dcda8bd48bc',2,'2026-03-02 15:00:00.000000','opened','{"severity": "major"}');
INSERT INTO "events" VALUES(37,'incident','7736bf8fb7b87982',1,'2026-03-02 15:00:00.000000','opened','{"fingerprint": "a2bce3507da1b118", "scope": "site", "family": "connect", "cause": "Coverage of closed is bad: reason ''\u00fc''.", "attribute": "site", "value": "closed"}');
INSERT INTO "events" VALUES(38,'incident','7736bf8fb7b87982',2,'2026-03-02 15:00:00.000000','joined','{"alert_ids": ["1949e95f1d1a78d1"]}');
INSERT INTO "events" VALUES(39,'incident','4d188f4ec3b136cb',1,'2026-03-02 15:00:00.000000','opened','{"fingerprint": "c529de1b40606f67", "scope": "site", "family": "connect", "cause": "Coverage of recovered is bad: reason ''\u00fc''.", "attribute": "site", "value": "recovered"}');
INSERT INTO "events" VALUES(40,'incident','4d188f4ec3b136cb',2,'2026-03-02 15:00:00.000000','joined','{"alert_ids": ["4fcd0c4fe73a1cd9"]}');
INSERT INTO "events" VALUES(41,'incident','0fd9251d71aea1a3',1,'2026-03-02 15:00:00.000000','opened','{"fingerprint": "14666790c6b54732", "scope": "site", "family": "connect", "cause": "Coverage of looked-up is bad: reason ''\u00fc''.", "attribute": "site", "value": "looked-up"}');
INSERT INTO "events" VALUES(42,'incident','0fd9251d71aea1a3',2,'2026-03-02 15:00:00.000000','joined','{"alert_ids": ["586436b3433e0479"]}');
INSERT INTO "events" VALUES(43,'incident','0fe3f957de92017d',1,'2026-03-02 15:00:00.000000','opened','{"fingerprint": "ee949a1296da771d", "scope": "site", "family": "connect", "cause": "Coverage of under-way is bad: reason ''\u00fc''.", "attribute": "site", "value": "under-way"}');
INSERT INTO "events" VALUES(44,'incident','0fe3f957de92017d',2,'2026-03-02 15:00:00.000000','joined','{"alert_ids": ["65b76dcda8bd48bc"]}');
INSERT INTO "events" VALUES(45,'incident','ca2e22e24022b4e6',1,'2026-03-02 15:00:00.000000','opened','{"fingerprint": "fb43a53e8d58a21b", "scope": "site", "family": "connect", "cause": "Coverage of taken is bad: reason ''\u00fc''.", "attribute": "site", "value": "taken"}');
INSERT INTO "events" VALUES(46,'incident','ca2e22e24022b4e6',2,'2026-03-02 15:00:00.000000','joined','{"alert_ids": ["69ae772946f8c7d4"]}');
INSERT INTO "events" VALUES(47,'incident','b9b729b24c439777',1,'2026-03-02 15:00:00.000000','opened','{"fingerprint": "f92b1f01281e081c", "scope": "site", "family": "connect", "cause": "Coverage of called is bad: reason ''\u00fc''.", "attribute": "site", "value": "called"}');
INSERT INTO "events" VALUES(48,'incident','b9b729b24c439777',2,'2026-03-02 15:00:00.000000','joined','{"alert_ids": ["8178ba86d7ee980f"]}');
INSERT INTO "events" VALUES(49,'incident','ca2e22e24022b4e6',3,'2026-03-02 15:19:00.000000','acknowledged','{"by": "ada", "severity": "major"}');
INSERT INTO "events" VALUES(50,'alert','69ae772946f8c7d4',3,'2026-03-02 15:19:00.000000','acknowledged','{"by": "ada"}');
INSERT INTO "events" VALUES(51,'incident','0fe3f957de92017d',3,'2026-03-02 15:19:00.000000','acknowledged','{"by": "digest-lover: bob", "severity": "major"}');
INSERT INTO "events" VALUES(52,'alert','65b76dcda8bd48bc',3,'2026-03-02 15:19:00.000000','acknowledged','{"by": "digest-lover: bob"}');
INSERT INTO "events" VALUES(53,'alert','1949e95f1d1a78d1',3,'2026-03-02 15:19:00.000000','resolved','{"because": "closed by test-driver \u00fc"}');
INSERT INTO "events" VALUES(54,'incident','7736bf8fb7b87982',3,'2026-03-02 15:19:00.000000','resolved','{}');
INSERT INTO "events" VALUES(55,'incident','0fd9251d71aea1a3',3,'2026-03-02 15:31:00.000000','acknowledged','{"by": "cid", "severity": "major"}');
INSERT INTO "events" VALUES(56,'alert','586436b3433e0479',3,'2026-03-02 15:31:00.000000','acknowledged','{"by": "cid"}');
INSERT INTO "events" VALUES(57,'alert','4fcd0c4fe73a1cd9',3,'2026-03-02 16:00:00.000000','quieted','{}');
INSERT INTO "events" VALUES(58,'alert','5bc016cc930eb90b',1,'2026-03-02 17:00:00.000000','pending','{"kinds": ["evidence"], "summary": "Coverage of again is bad: reason ''\u00fc''.", "evidence": "{\"classifier\": \"weak-signal\"}", "classifier": "weak-signal", "lines": {}, "fingerprint": "0f3afb2864cb6a00", "site_id": "again", "family": "capacity", "metric": "coverage", "kind": "evidence", "severity": "major", "valid_until": "2026-03-02T17:00:00+00:00", "source": "live"}');
INSERT INTO "events" VALUES(59,'alert','5bc016cc930eb90b',2,'2026-03-02 17:00:00.000000','opened','{"severity": "major"}');
INSERT INTO "events" VALUES(60,'incident','f08d86cd2fe6ac0e',1,'2026-03-02 17:00:00.000000','opened','{"fingerprint": "1593262dd95d6a5a", "scope": "site", "family": "capacity", "cause": "Coverage of again is bad: reason ''\u00fc''.", "attribute": "site", "value": "again"}');
INSERT INTO "events" VALUES(61,'incident','f08d86cd2fe6ac0e',2,'2026-03-02 17:00:00.000000','joined','{"alert_ids": ["5bc016cc930eb90b"]}');
INSERT INTO "events" VALUES(62,'alert','9a5952548f996ec6',1,'2026-03-02 20:00:00.000000','pending','{"kinds": ["evidence"], "summary": "Coverage of north-1 is bad: reason ''\u00fc''.", "evidence": "{\"classifier\": \"weak-signal\"}", "classifier": "weak-signal", "lines": {}, "fingerprint": "e2e5e53651033625", "site_id": "north-1", "family": "dhcp", "metric": "coverage", "kind": "evidence", "severity": "major", "valid_until": "2026-03-02T20:00:00+00:00", "source": "live"}');
INSERT INTO "events" VALUES(63,'alert','9a5952548f996ec6',2,'2026-03-02 20:00:00.000000','opened','{"severity": "major"}');
INSERT INTO "events" VALUES(64,'alert','ee559106b7ff16cb',1,'2026-03-02 20:00:00.000000','pending','{"kinds": ["evidence"], "summary": "Coverage of north-2 is bad: reason ''\u00fc''.", "evidence": "{\"classifier\": \"weak-signal\"}", "classifier": "weak-signal", "lines": {}, "fingerprint": "33d803044804c6ea", "site_id": "north-2", "family": "dhcp", "metric": "coverage", "kind": "evidence", "severity": "major", "valid_until": "2026-03-02T20:00:00+00:00", "source": "live"}');
INSERT INTO "events" VALUES(65,'alert','ee559106b7ff16cb',2,'2026-03-02 20:00:00.000000','opened','{"severity": "major"}');
INSERT INTO "events" VALUES(66,'incident','e53de37ed3884b88',1,'2026-03-02 20:00:00.000000','opened','{"fingerprint": "d51834aff3c56f2a", "scope": "site", "family": "dhcp", "cause": "Coverage of north-1 is bad: reason ''\u00fc''.", "attribute": "site", "value": "north-1"}');
INSERT INTO "events" VALUES(67,'incident','e53de37ed3884b88',2,'2026-03-02 20:00:00.000000','joined','{"alert_ids": ["9a5952548f996ec6"]}');
INSERT INTO "events" VALUES(68,'incident','5248820b9aee3f80',1,'2026-03-02 20:00:00.000000','opened','{"fingerprint": "c596242399acc0e3", "scope": "site", "family": "dhcp", "cause": "Coverage of north-2 is bad: reason ''\u00fc''.", "attribute": "site", "value": "north-2"}');
INSERT INTO "events" VALUES(69,'incident','5248820b9aee3f80',2,'2026-03-02 20:00:00.000000','joined','{"alert_ids": ["ee559106b7ff16cb"]}');
INSERT INTO "events" VALUES(70,'incident','bffe6c2d066b1f59',1,'2026-03-02 20:06:00.000000','opened','{"fingerprint": "cause-north", "scope": "infrastructure", "family": "dhcp", "cause": "DHCP: north.", "attribute": "site_group", "value": "north"}');
INSERT INTO "events" VALUES(71,'incident','bffe6c2d066b1f59',2,'2026-03-02 20:06:00.000000','joined','{"alert_ids": ["9a5952548f996ec6", "ee559106b7ff16cb"]}');
INSERT INTO "events" VALUES(72,'incident','5248820b9aee3f80',3,'2026-03-02 20:06:00.000000','left','{"alert_ids": ["ee559106b7ff16cb"]}');
INSERT INTO "events" VALUES(73,'incident','5248820b9aee3f80',4,'2026-03-02 20:06:00.000000','merged','{"into": "bffe6c2d066b1f59"}');
INSERT INTO "events" VALUES(74,'incident','e53de37ed3884b88',3,'2026-03-02 20:06:00.000000','left','{"alert_ids": ["9a5952548f996ec6"]}');
INSERT INTO "events" VALUES(75,'incident','e53de37ed3884b88',4,'2026-03-02 20:06:00.000000','merged','{"into": "bffe6c2d066b1f59"}');
INSERT INTO "events" VALUES(76,'alert','e136d343200ff09d',1,'2026-03-02 21:00:00.000000','pending','{"kinds": ["evidence"], "summary": "Coverage of dark-1 is bad: reason ''\u00fc''.", "evidence": "{\"classifier\": \"weak-signal\"}", "classifier": "weak-signal", "lines": {}, "fingerprint": "a37860012f167333", "site_id": "dark-1", "family": "roaming", "metric": "coverage", "kind": "evidence", "severity": "major", "valid_until": "2026-03-02T21:00:00+00:00", "source": "live"}');
INSERT INTO "events" VALUES(77,'alert','e136d343200ff09d',2,'2026-03-02 21:00:00.000000','opened','{"severity": "major"}');
INSERT INTO "events" VALUES(78,'incident','b226b47eba833c8c',1,'2026-03-02 21:00:00.000000','opened','{"fingerprint": "9606821c14a51983", "scope": "site", "family": "roaming", "cause": "Coverage of dark-1 is bad: reason ''\u00fc''.", "attribute": "site", "value": "dark-1"}');
INSERT INTO "events" VALUES(79,'incident','b226b47eba833c8c',2,'2026-03-02 21:00:00.000000','joined','{"alert_ids": ["e136d343200ff09d"]}');
INSERT INTO "events" VALUES(80,'incident','b226b47eba833c8c',3,'2026-03-02 21:00:00.000000','withheld','{"reason": "quiet_hours: 2026-03-03T06:00:00+00:00"}');
INSERT INTO "events" VALUES(81,'alert','ae737398d0d2c2ab',1,'2026-03-03 00:00:00.000000','pending','{"kinds": ["evidence"], "summary": "Coverage of dark-2 is bad: reason ''\u00fc''.", "evidence": "{\"classifier\": \"weak-signal\"}", "classifier": "weak-signal", "lines": {}, "fingerprint": "bdec272badac3e01", "site_id": "dark-2", "family": "roaming", "metric": "coverage", "kind": "evidence", "severity": "major", "valid_until": "2026-03-03T00:00:00+00:00", "source": "live"}');
INSERT INTO "events" VALUES(82,'alert','ae737398d0d2c2ab',2,'2026-03-03 00:00:00.000000','opened','{"severity": "major"}');
INSERT INTO "events" VALUES(83,'incident','fc6a4daeb4144d29',1,'2026-03-03 00:00:00.000000','opened','{"fingerprint": "7b30ac9b02ad721a", "scope": "site", "family": "roaming", "cause": "Coverage of dark-2 is bad: reason ''\u00fc''.", "attribute": "site", "value": "dark-2"}');
INSERT INTO "events" VALUES(84,'incident','fc6a4daeb4144d29',2,'2026-03-03 00:00:00.000000','joined','{"alert_ids": ["ae737398d0d2c2ab"]}');
INSERT INTO "events" VALUES(85,'incident','fc6a4daeb4144d29',3,'2026-03-03 00:00:00.000000','withheld','{"reason": "quiet_hours: 2026-03-03T06:00:00+00:00"}');
INSERT INTO "events" VALUES(86,'incident','b226b47eba833c8c',4,'2026-03-03 06:30:00.000000','withheld','{"reason": ""}');
INSERT INTO "events" VALUES(87,'incident','fc6a4daeb4144d29',4,'2026-03-03 06:30:00.000000','withheld','{"reason": ""}');
INSERT INTO "events" VALUES(88,'alert','4fcd0c4fe73a1cd9',4,'2026-03-03 04:00:00.000000','resolved','{"because": "recovered"}');
INSERT INTO "events" VALUES(89,'incident','4d188f4ec3b136cb',3,'2026-03-03 04:00:00.000000','resolved','{}');
INSERT INTO "events" VALUES(90,'alert','e136d343200ff09d',3,'2026-03-03 22:00:00.000000','rising','{"to": "critical", "since": "2026-03-03T22:00:00+00:00"}');
INSERT INTO "events" VALUES(91,'alert','e136d343200ff09d',4,'2026-03-03 22:00:00.000000','severity_rose','{"severity": "critical", "highest": "critical"}');
INSERT INTO "events" VALUES(92,'alert','8c2b2f640275dad0',1,'2026-03-03 22:00:00.000000','pending','{"kinds": ["evidence"], "summary": "Coverage of dark-3 is bad: reason ''\u00fc''.", "evidence": "{\"classifier\": \"weak-signal\"}", "classifier": "weak-signal", "lines": {}, "fingerprint": "6bd10b857a3b3a7b", "site_id": "dark-3", "family": "roaming", "metric": "coverage", "kind": "evidence", "severity": "major", "valid_until": "2026-03-03T22:00:00+00:00", "source": "live"}');
INSERT INTO "events" VALUES(93,'alert','8c2b2f640275dad0',2,'2026-03-03 22:00:00.000000','opened','{"severity": "major"}');
INSERT INTO "events" VALUES(94,'incident','04121ed3cd3c5921',1,'2026-03-03 22:00:00.000000','opened','{"fingerprint": "f114970aa65bec30", "scope": "site", "family": "roaming", "cause": "Coverage of dark-3 is bad: reason ''\u00fc''.", "attribute": "site", "value": "dark-3"}');
INSERT INTO "events" VALUES(95,'incident','04121ed3cd3c5921',2,'2026-03-03 22:00:00.000000','joined','{"alert_ids": ["8c2b2f640275dad0"]}');
INSERT INTO "events" VALUES(96,'incident','04121ed3cd3c5921',3,'2026-03-03 22:00:00.000000','withheld','{"reason": "quiet_hours: 2026-03-04T06:00:00+00:00"}');
INSERT INTO "events" VALUES(97,'alert','487e649e65e9d714',1,'2026-03-04 01:00:00.000000','pending','{"kinds": ["evidence"], "summary": "Coverage of dark-4 is bad: reason ''\u00fc''.", "evidence": "{\"classifier\": \"weak-signal\"}", "classifier": "weak-signal", "lines": {}, "fingerprint": "6effc58958822f7c", "site_id": "dark-4", "family": "roaming", "metric": "coverage", "kind": "evidence", "severity": "major", "valid_until": "2026-03-04T01:00:00+00:00", "source": "live"}');
INSERT INTO "events" VALUES(98,'alert','487e649e65e9d714',2,'2026-03-04 01:00:00.000000','opened','{"severity": "major"}');
INSERT INTO "events" VALUES(99,'incident','b30efa5bee737263',1,'2026-03-04 01:00:00.000000','opened','{"fingerprint": "15f9294193a335cb", "scope": "site", "family": "roaming", "cause": "Coverage of dark-4 is bad: reason ''\u00fc''.", "attribute": "site", "value": "dark-4"}');
INSERT INTO "events" VALUES(100,'incident','b30efa5bee737263',2,'2026-03-04 01:00:00.000000','joined','{"alert_ids": ["487e649e65e9d714"]}');
INSERT INTO "events" VALUES(101,'incident','b30efa5bee737263',3,'2026-03-04 01:00:00.000000','withheld','{"reason": "quiet_hours: 2026-03-04T06:00:00+00:00"}');
INSERT INTO "events" VALUES(102,'alert','0d0c89c1539a8b79',1,'2026-03-04 01:06:00.000000','pending','{"kinds": ["evidence"], "summary": "Coverage of dark-5 is bad: reason ''\u00fc''.", "evidence": "{\"classifier\": \"weak-signal\"}", "classifier": "weak-signal", "lines": {}, "fingerprint": "edc2970ebfb7463a", "site_id": "dark-5", "family": "wan", "metric": "coverage", "kind": "evidence", "severity": "major", "valid_until": "2026-03-04T01:06:00+00:00", "source": "live"}');
INSERT INTO "events" VALUES(103,'alert','0d0c89c1539a8b79',2,'2026-03-04 01:06:00.000000','opened','{"severity": "major"}');
INSERT INTO "events" VALUES(104,'incident','e3cbf145b05d6572',1,'2026-03-04 01:06:00.000000','opened','{"fingerprint": "347144412e61ee75", "scope": "site", "family": "wan", "cause": "Coverage of dark-5 is bad: reason ''\u00fc''.", "attribute": "site", "value": "dark-5"}');
INSERT INTO "events" VALUES(105,'incident','e3cbf145b05d6572',2,'2026-03-04 01:06:00.000000','joined','{"alert_ids": ["0d0c89c1539a8b79"]}');
INSERT INTO "events" VALUES(106,'incident','e3cbf145b05d6572',3,'2026-03-04 01:06:00.000000','withheld','{"reason": "quiet_hours: 2026-03-04T06:00:00+00:00"}');
INSERT INTO "events" VALUES(107,'incident','04121ed3cd3c5921',4,'2026-03-04 06:30:00.000000','withheld','{"reason": ""}');
INSERT INTO "events" VALUES(108,'incident','b30efa5bee737263',4,'2026-03-04 06:30:00.000000','withheld','{"reason": ""}');
INSERT INTO "events" VALUES(109,'incident','e3cbf145b05d6572',4,'2026-03-04 06:30:00.000000','withheld','{"reason": ""}');
INSERT INTO "events" VALUES(110,'alert','cc20e5841b9d2749',1,'2026-03-04 14:00:00.000000','pending','{"kinds": ["site_down"], "summary": "Coverage of down is bad: reason ''\u00fc''.", "evidence": "{\"classifier\": \"weak-signal\"}", "classifier": "weak-signal", "lines": {}, "fingerprint": "d017ee7777f048ff", "site_id": "down", "family": "device", "metric": "", "kind": "site_down", "severity": "critical", "valid_until": "2026-03-04T14:00:00+00:00", "source": "live"}');
INSERT INTO "events" VALUES(111,'alert','cc20e5841b9d2749',2,'2026-03-04 14:00:00.000000','opened','{"severity": "critical"}');
INSERT INTO "events" VALUES(112,'incident','8805b82ff0017cca',1,'2026-03-04 14:00:00.000000','opened','{"fingerprint": "36df7baef0484fcc", "scope": "site", "family": "device", "cause": "Coverage of down is bad: reason ''\u00fc''.", "attribute": "site", "value": "down"}');
INSERT INTO "events" VALUES(113,'incident','8805b82ff0017cca',2,'2026-03-04 14:00:00.000000','joined','{"alert_ids": ["cc20e5841b9d2749"]}');
INSERT INTO "events" VALUES(114,'alert','d529af73d3a1d982',1,'2026-03-04 20:30:00.000000','pending','{"kinds": ["evidence"], "summary": "Coverage of down is bad: reason ''\u00fc''.", "evidence": "{\"classifier\": \"weak-signal\"}", "classifier": "weak-signal", "lines": {}, "fingerprint": "b364f1263651297f", "site_id": "down", "family": "radio", "metric": "coverage", "kind": "evidence", "severity": "major", "valid_until": "2026-03-04T20:30:00+00:00", "source": "live"}');
INSERT INTO "events" VALUES(115,'alert','d529af73d3a1d982',2,'2026-03-04 20:30:00.000000','opened','{"severity": "major"}');
INSERT INTO "events" VALUES(116,'alert','8c634ac5646de114',1,'2026-03-04 20:30:00.000000','pending','{"kinds": ["mist_alarm"], "summary": "Coverage of held is bad: reason ''\u00fc''.", "evidence": "{\"classifier\": \"weak-signal\"}", "classifier": "weak-signal", "lines": {}, "fingerprint": "507fc6af1770e22f", "site_id": "held", "family": "held", "metric": "coverage", "kind": "mist_alarm", "severity": "critical", "valid_until": "2026-03-04T20:30:00+00:00", "source": "live"}');
INSERT INTO "events" VALUES(117,'alert','66622aeea14706f9',1,'2026-03-04 20:30:00.000000','pending','{"kinds": ["evidence"], "summary": "Coverage of mild is bad: reason ''\u00fc''.", "evidence": "{\"classifier\": \"weak-signal\"}", "classifier": "weak-signal", "lines": {}, "fingerprint": "31131b19f8ea840e", "site_id": "mild", "family": "mild", "metric": "coverage", "kind": "evidence", "severity": "warning", "valid_until": "2026-03-04T20:30:00+00:00", "source": "live"}');
INSERT INTO "events" VALUES(118,'alert','66622aeea14706f9',2,'2026-03-04 20:30:00.000000','opened','{"severity": "warning"}');
INSERT INTO "events" VALUES(119,'alert','768a5135b03c2b1e',1,'2026-03-04 20:30:00.000000','pending','{"kinds": ["evidence"], "summary": "Coverage of night is bad: reason ''\u00fc''.", "evidence": "{\"classifier\": \"weak-signal\"}", "classifier": "weak-signal", "lines": {}, "fingerprint": "41d4c8bb5496813d", "site_id": "night", "family": "sleeps", "metric": "coverage", "kind": "evidence", "severity": "major", "valid_until": "2026-03-04T20:30:00+00:00", "source": "live"}');
INSERT INTO "events" VALUES(120,'alert','768a5135b03c2b1e',2,'2026-03-04 20:30:00.000000','opened','{"severity": "major"}');
INSERT INTO "events" VALUES(121,'alert','206b6cf72a737cd1',1,'2026-03-04 20:30:00.000000','pending','{"kinds": ["evidence"], "summary": "Coverage of silenced is bad: reason ''\u00fc''.", "evidence": "{\"classifier\": \"weak-signal\"}", "classifier": "weak-signal", "lines": {}, "fingerprint": "19a4245ec129acf5", "site_id": "silenced", "family": "radio", "metric": "coverage", "kind": "evidence", "severity": "major", "valid_until": "2026-03-04T20:30:00+00:00", "source": "live"}');
INSERT INTO "events" VALUES(122,'alert','206b6cf72a737cd1',2,'2026-03-04 20:30:00.000000','opened','{"severity": "major"}');
INSERT INTO "events" VALUES(123,'alert','73d44b962771051d',1,'2026-03-04 20:30:00.000000','pending','{"kinds": ["evidence"], "summary": "Coverage of soon is bad: reason ''\u00fc''.", "evidence": "{\"classifier\": \"weak-signal\"}", "classifier": "weak-signal", "lines": {}, "fingerprint": "24b82df326a061ba", "site_id": "soon", "family": "calls", "metric": "coverage", "kind": "evidence", "severity": "major", "valid_until": "2026-03-04T20:30:00+00:00", "source": "live"}');
INSERT INTO "events" VALUES(124,'alert','73d44b962771051d',2,'2026-03-04 20:30:00.000000','opened','{"severity": "major"}');
INSERT INTO "events" VALUES(125,'alert','f607e1bfd827dbbd',1,'2026-03-04 20:30:00.000000','pending','{"kinds": ["evidence"], "summary": "Coverage of waiting is bad: reason ''\u00fc''.", "evidence": "{\"classifier\": \"weak-signal\"}", "classifier": "weak-signal", "lines": {}, "fingerprint": "7ee2ff74ec894fc1", "site_id": "waiting", "family": "waits", "metric": "coverage", "kind": "evidence", "severity": "major", "valid_until": "2026-03-04T20:30:00+00:00", "source": "live"}');
INSERT INTO "events" VALUES(126,'alert','f607e1bfd827dbbd',2,'2026-03-04 20:30:00.000000','opened','{"severity": "major"}');
INSERT INTO "events" VALUES(127,'incident','c4f7aee8dbe97662',1,'2026-03-04 20:30:00.000000','opened','{"fingerprint": "c475c449f7b51548", "scope": "site", "family": "radio", "cause": "Coverage of silenced is bad: reason ''\u00fc''.", "attribute": "site", "value": "silenced"}');
INSERT INTO "events" VALUES(128,'incident','c4f7aee8dbe97662',2,'2026-03-04 20:30:00.000000','joined','{"alert_ids": ["206b6cf72a737cd1"]}');
INSERT INTO "events" VALUES(129,'incident','5dbc08b3928d81fc',1,'2026-03-04 20:30:00.000000','opened','{"fingerprint": "5a19fa25659f29a1", "scope": "site", "family": "mild", "cause": "Coverage of mild is bad: reason ''\u00fc''.", "attribute": "site", "value": "mild"}');
INSERT INTO "events" VALUES(130,'incident','5dbc08b3928d81fc',2,'2026-03-04 20:30:00.000000','joined','{"alert_ids": ["66622aeea14706f9"]}');
INSERT INTO "events" VALUES(131,'incident','dd9f34f8cd832108',1,'2026-03-04 20:30:00.000000','opened','{"fingerprint": "74f9d802fae0eb43", "scope": "site", "family": "calls", "cause": "Coverage of soon is bad: reason ''\u00fc''.", "attribute": "site", "value": "soon"}');
INSERT INTO "events" VALUES(132,'incident','dd9f34f8cd832108',2,'2026-03-04 20:30:00.000000','joined','{"alert_ids": ["73d44b962771051d"]}');
INSERT INTO "events" VALUES(133,'incident','e320f12e52a8e10d',1,'2026-03-04 20:30:00.000000','opened','{"fingerprint": "15b5d10e162c27de", "scope": "site", "family": "sleeps", "cause": "Coverage of night is bad: reason ''\u00fc''.", "attribute": "site", "value": "night"}');
INSERT INTO "events" VALUES(134,'incident','e320f12e52a8e10d',2,'2026-03-04 20:30:00.000000','joined','{"alert_ids": ["768a5135b03c2b1e"]}');
INSERT INTO "events" VALUES(135,'incident','5b1c5d3f8a135770',1,'2026-03-04 20:30:00.000000','opened','{"fingerprint": "e15c90eb40ae81e2", "scope": "site", "family": "radio", "cause": "Coverage of down is bad: reason ''\u00fc''.", "attribute": "site", "value": "down"}');
INSERT INTO "events" VALUES(136,'incident','5b1c5d3f8a135770',2,'2026-03-04 20:30:00.000000','joined','{"alert_ids": ["d529af73d3a1d982"]}');
INSERT INTO "events" VALUES(137,'incident','d2c5093242698554',1,'2026-03-04 20:30:00.000000','opened','{"fingerprint": "a790f76ea3480932", "scope": "site", "family": "waits", "cause": "Coverage of waiting is bad: reason ''\u00fc''.", "attribute": "site", "value": "waiting"}');
INSERT INTO "events" VALUES(138,'incident','d2c5093242698554',2,'2026-03-04 20:30:00.000000','joined','{"alert_ids": ["f607e1bfd827dbbd"]}');
INSERT INTO "events" VALUES(139,'incident','5b1c5d3f8a135770',3,'2026-03-04 20:30:00.000000','withheld','{"reason": "inhibited_by: 8805b82ff0017cca"}');
INSERT INTO "events" VALUES(140,'incident','5dbc08b3928d81fc',3,'2026-03-04 20:30:00.000000','withheld','{"reason": "no_route"}');
INSERT INTO "events" VALUES(141,'incident','c4f7aee8dbe97662',3,'2026-03-04 20:30:00.000000','withheld','{"reason": "silenced_by: works"}');
INSERT INTO "events" VALUES(142,'incident','d2c5093242698554',3,'2026-03-04 20:30:00.000000','withheld','{"reason": "not_yet: 2026-03-13T04:30:00+00:00"}');
INSERT INTO "events" VALUES(143,'incident','e320f12e52a8e10d',3,'2026-03-04 20:30:00.000000','withheld','{"reason": "quiet_hours: 2026-03-05T06:00:00+00:00"}');
INSERT INTO "events" VALUES(144,'alert','87b45689191ad4c3',1,'2026-03-04 20:36:00.000000','pending','{"kinds": ["pipeline"], "summary": "The daily run failed.", "evidence": "{\"classifier\": \"weak-signal\"}", "classifier": "weak-signal", "lines": {}, "fingerprint": "e130af7c37855402", "site_id": "", "family": "pipeline:daily", "metric": "", "kind": "pipeline", "severity": "major", "valid_until": "2026-03-04T20:36:00+00:00", "source": "pipeline"}');
INSERT INTO "events" VALUES(145,'alert','87b45689191ad4c3',2,'2026-03-04 20:36:00.000000','opened','{"severity": "major"}');
INSERT INTO "events" VALUES(146,'incident','da07190e5acd840d',1,'2026-03-04 20:36:00.000000','opened','{"fingerprint": "964f65201cb9eea0", "scope": "site", "family": "pipeline:daily", "cause": "The daily run failed.", "attribute": "site", "value": ""}');
INSERT INTO "events" VALUES(147,'incident','da07190e5acd840d',2,'2026-03-04 20:36:00.000000','joined','{"alert_ids": ["87b45689191ad4c3"]}');
INSERT INTO "events" VALUES(148,'incident','4a0645b0d4929e0f',3,'2026-03-04 21:00:00.000000','acknowledged','{"by": "Ada: the first", "severity": "major"}');
INSERT INTO "events" VALUES(149,'alert','a9e6c5b26ad3ce2f',3,'2026-03-04 21:00:00.000000','acknowledged','{"by": "Ada: the first"}');
CREATE TABLE feedback (
	feedback_id INTEGER NOT NULL, 
	alert_id TEXT, 
	incident_id TEXT, 
	verdict TEXT NOT NULL, 
	"by" TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	comment TEXT NOT NULL, 
	CONSTRAINT pk_feedback PRIMARY KEY (feedback_id)
);
INSERT INTO "feedback" VALUES(1,NULL,'ca2e22e24022b4e6','useful','ada','2026-03-02 15:15:00.000000','Thanks');
INSERT INTO "feedback" VALUES(2,'54d7f3b200edcfa1',NULL,'false_alarm','bob','2026-03-04 21:00:00.000000','');
CREATE TABLE held (
	sink TEXT NOT NULL, 
	incident_id TEXT NOT NULL, 
	CONSTRAINT pk_held PRIMARY KEY (sink, incident_id)
);
INSERT INTO "held" VALUES('chat','e320f12e52a8e10d');
CREATE TABLE incidents (
	incident_id TEXT NOT NULL, 
	fingerprint TEXT NOT NULL, 
	scope TEXT NOT NULL, 
	family TEXT NOT NULL, 
	cause TEXT NOT NULL, 
	attribute TEXT NOT NULL, 
	value TEXT NOT NULL, 
	state TEXT NOT NULL, 
	alert_ids JSON NOT NULL, 
	opened_at DATETIME NOT NULL, 
	last_joined_at DATETIME NOT NULL, 
	asks_since DATETIME NOT NULL, 
	version INTEGER NOT NULL, 
	merged_into TEXT, 
	acknowledged_at DATETIME, 
	acknowledged_by TEXT, 
	acknowledged_severity TEXT, 
	resolved_at DATETIME, 
	withheld TEXT NOT NULL, 
	CONSTRAINT pk_incidents PRIMARY KEY (incident_id)
);
INSERT INTO "incidents" VALUES('01ced1316d8639c9','3bb37879eb4b6ad0','site','radio','Coverage of sending is bad: reason ''ü''.','site','sending','open','["c28a75e9449ecea7"]','2026-03-02 12:00:00.000000','2026-03-02 12:00:00.000000','2026-03-02 12:00:00.000000',2,NULL,NULL,NULL,NULL,NULL,'');
INSERT INTO "incidents" VALUES('1305700dfd459e94','19df56553ac275bd','site','radio','Coverage of refused is bad: reason ''ü''.','site','refused','open','["87db38058e013fd0"]','2026-03-02 12:00:00.000000','2026-03-02 12:00:00.000000','2026-03-02 12:00:00.000000',2,NULL,NULL,NULL,NULL,NULL,'');
INSERT INTO "incidents" VALUES('5ce3b28cfb432048','f1f36a937a7507e9','site','radio','Coverage of failed is bad: reason ''ü''.','site','failed','open','["87c6679c29aaa284"]','2026-03-02 12:00:00.000000','2026-03-02 12:00:00.000000','2026-03-02 12:00:00.000000',2,NULL,NULL,NULL,NULL,NULL,'');
INSERT INTO "incidents" VALUES('79452a70f2642319','cbd96c62f7b0955b','site','radio','Coverage of unknown is bad: reason ''ü''.','site','unknown','open','["646fb25f52e90f3b"]','2026-03-02 12:00:00.000000','2026-03-02 12:00:00.000000','2026-03-02 12:00:00.000000',2,NULL,NULL,NULL,NULL,NULL,'');
INSERT INTO "incidents" VALUES('e62aca57c9c13d9e','76133c759f1dab75','site','radio','Coverage of pending is bad: reason ''ü''.','site','pending','open','["54d7f3b200edcfa1"]','2026-03-02 12:00:00.000000','2026-03-02 12:00:00.000000','2026-03-02 12:00:00.000000',2,NULL,NULL,NULL,NULL,NULL,'');
INSERT INTO "incidents" VALUES('b9b729b24c439777','f92b1f01281e081c','site','connect','Coverage of called is bad: reason ''ü''.','site','called','open','["8178ba86d7ee980f"]','2026-03-02 15:00:00.000000','2026-03-02 15:00:00.000000','2026-03-02 15:00:00.000000',2,NULL,NULL,NULL,NULL,NULL,'');
INSERT INTO "incidents" VALUES('ca2e22e24022b4e6','fb43a53e8d58a21b','site','connect','Coverage of taken is bad: reason ''ü''.','site','taken','acknowledged','["69ae772946f8c7d4"]','2026-03-02 15:00:00.000000','2026-03-02 15:00:00.000000','2026-03-02 15:00:00.000000',3,NULL,'2026-03-02 15:19:00.000000','ada','major',NULL,'');
INSERT INTO "incidents" VALUES('0fe3f957de92017d','ee949a1296da771d','site','connect','Coverage of under-way is bad: reason ''ü''.','site','under-way','acknowledged','["65b76dcda8bd48bc"]','2026-03-02 15:00:00.000000','2026-03-02 15:00:00.000000','2026-03-02 15:00:00.000000',3,NULL,'2026-03-02 15:19:00.000000','digest-lover: bob','major',NULL,'');
INSERT INTO "incidents" VALUES('7736bf8fb7b87982','a2bce3507da1b118','site','connect','Coverage of closed is bad: reason ''ü''.','site','closed','resolved','["1949e95f1d1a78d1"]','2026-03-02 15:00:00.000000','2026-03-02 15:00:00.000000','2026-03-02 15:00:00.000000',3,NULL,NULL,NULL,NULL,'2026-03-02 15:19:00.000000','');
INSERT INTO "incidents" VALUES('0fd9251d71aea1a3','14666790c6b54732','site','connect','Coverage of looked-up is bad: reason ''ü''.','site','looked-up','acknowledged','["586436b3433e0479"]','2026-03-02 15:00:00.000000','2026-03-02 15:00:00.000000','2026-03-02 15:00:00.000000',3,NULL,'2026-03-02 15:31:00.000000','cid','major',NULL,'');
INSERT INTO "incidents" VALUES('f08d86cd2fe6ac0e','1593262dd95d6a5a','site','capacity','Coverage of again is bad: reason ''ü''.','site','again','open','["5bc016cc930eb90b"]','2026-03-02 17:00:00.000000','2026-03-02 17:00:00.000000','2026-03-02 17:00:00.000000',2,NULL,NULL,NULL,NULL,NULL,'');
INSERT INTO "incidents" VALUES('5248820b9aee3f80','c596242399acc0e3','site','dhcp','Coverage of north-2 is bad: reason ''ü''.','site','north-2','merged','[]','2026-03-02 20:00:00.000000','2026-03-02 20:00:00.000000','2026-03-02 20:00:00.000000',4,'bffe6c2d066b1f59',NULL,NULL,NULL,'2026-03-02 20:06:00.000000','');
INSERT INTO "incidents" VALUES('bffe6c2d066b1f59','cause-north','infrastructure','dhcp','DHCP: north.','site_group','north','open','["9a5952548f996ec6", "ee559106b7ff16cb"]','2026-03-02 20:06:00.000000','2026-03-02 20:06:00.000000','2026-03-02 20:06:00.000000',2,NULL,NULL,NULL,NULL,NULL,'');
INSERT INTO "incidents" VALUES('e53de37ed3884b88','d51834aff3c56f2a','site','dhcp','Coverage of north-1 is bad: reason ''ü''.','site','north-1','merged','[]','2026-03-02 20:00:00.000000','2026-03-02 20:00:00.000000','2026-03-02 20:00:00.000000',4,'bffe6c2d066b1f59',NULL,NULL,NULL,'2026-03-02 20:06:00.000000','');
INSERT INTO "incidents" VALUES('b226b47eba833c8c','9606821c14a51983','site','roaming','Coverage of dark-1 is bad: reason ''ü''.','site','dark-1','open','["e136d343200ff09d"]','2026-03-02 21:00:00.000000','2026-03-02 21:00:00.000000','2026-03-02 21:00:00.000000',4,NULL,NULL,NULL,NULL,NULL,'');
INSERT INTO "incidents" VALUES('fc6a4daeb4144d29','7b30ac9b02ad721a','site','roaming','Coverage of dark-2 is bad: reason ''ü''.','site','dark-2','open','["ae737398d0d2c2ab"]','2026-03-03 00:00:00.000000','2026-03-03 00:00:00.000000','2026-03-03 00:00:00.000000',4,NULL,NULL,NULL,NULL,NULL,'');
INSERT INTO "incidents" VALUES('4d188f4ec3b136cb','c529de1b40606f67','site','connect','Coverage of recovered is bad: reason ''ü''.','site','recovered','resolved','["4fcd0c4fe73a1cd9"]','2026-03-02 15:00:00.000000','2026-03-02 15:00:00.000000','2026-03-02 15:00:00.000000',3,NULL,NULL,NULL,NULL,'2026-03-03 04:00:00.000000','');
INSERT INTO "incidents" VALUES('04121ed3cd3c5921','f114970aa65bec30','site','roaming','Coverage of dark-3 is bad: reason ''ü''.','site','dark-3','open','["8c2b2f640275dad0"]','2026-03-03 22:00:00.000000','2026-03-03 22:00:00.000000','2026-03-03 22:00:00.000000',4,NULL,NULL,NULL,NULL,NULL,'');
INSERT INTO "incidents" VALUES('b30efa5bee737263','15f9294193a335cb','site','roaming','Coverage of dark-4 is bad: reason ''ü''.','site','dark-4','open','["487e649e65e9d714"]','2026-03-04 01:00:00.000000','2026-03-04 01:00:00.000000','2026-03-04 01:00:00.000000',4,NULL,NULL,NULL,NULL,NULL,'');
INSERT INTO "incidents" VALUES('e3cbf145b05d6572','347144412e61ee75','site','wan','Coverage of dark-5 is bad: reason ''ü''.','site','dark-5','open','["0d0c89c1539a8b79"]','2026-03-04 01:06:00.000000','2026-03-04 01:06:00.000000','2026-03-04 01:06:00.000000',4,NULL,NULL,NULL,NULL,NULL,'');
INSERT INTO "incidents" VALUES('8805b82ff0017cca','36df7baef0484fcc','site','device','Coverage of down is bad: reason ''ü''.','site','down','open','["cc20e5841b9d2749"]','2026-03-04 14:00:00.000000','2026-03-04 14:00:00.000000','2026-03-04 14:00:00.000000',2,NULL,NULL,NULL,NULL,NULL,'');
INSERT INTO "incidents" VALUES('dd9f34f8cd832108','74f9d802fae0eb43','site','calls','Coverage of soon is bad: reason ''ü''.','site','soon','open','["73d44b962771051d"]','2026-03-04 20:30:00.000000','2026-03-04 20:30:00.000000','2026-03-04 20:30:00.000000',2,NULL,NULL,NULL,NULL,NULL,'');
INSERT INTO "incidents" VALUES('5b1c5d3f8a135770','e15c90eb40ae81e2','site','radio','Coverage of down is bad: reason ''ü''.','site','down','open','["d529af73d3a1d982"]','2026-03-04 20:30:00.000000','2026-03-04 20:30:00.000000','2026-03-04 20:30:00.000000',3,NULL,NULL,NULL,NULL,NULL,'inhibited_by: 8805b82ff0017cca');
INSERT INTO "incidents" VALUES('5dbc08b3928d81fc','5a19fa25659f29a1','site','mild','Coverage of mild is bad: reason ''ü''.','site','mild','open','["66622aeea14706f9"]','2026-03-04 20:30:00.000000','2026-03-04 20:30:00.000000','2026-03-04 20:30:00.000000',3,NULL,NULL,NULL,NULL,NULL,'no_route');
INSERT INTO "incidents" VALUES('c4f7aee8dbe97662','c475c449f7b51548','site','radio','Coverage of silenced is bad: reason ''ü''.','site','silenced','open','["206b6cf72a737cd1"]','2026-03-04 20:30:00.000000','2026-03-04 20:30:00.000000','2026-03-04 20:30:00.000000',3,NULL,NULL,NULL,NULL,NULL,'silenced_by: works');
INSERT INTO "incidents" VALUES('d2c5093242698554','a790f76ea3480932','site','waits','Coverage of waiting is bad: reason ''ü''.','site','waiting','open','["f607e1bfd827dbbd"]','2026-03-04 20:30:00.000000','2026-03-04 20:30:00.000000','2026-03-04 20:30:00.000000',3,NULL,NULL,NULL,NULL,NULL,'not_yet: 2026-03-13T04:30:00+00:00');
INSERT INTO "incidents" VALUES('e320f12e52a8e10d','15b5d10e162c27de','site','sleeps','Coverage of night is bad: reason ''ü''.','site','night','open','["768a5135b03c2b1e"]','2026-03-04 20:30:00.000000','2026-03-04 20:30:00.000000','2026-03-04 20:30:00.000000',3,NULL,NULL,NULL,NULL,NULL,'quiet_hours: 2026-03-05T06:00:00+00:00');
INSERT INTO "incidents" VALUES('da07190e5acd840d','964f65201cb9eea0','site','pipeline:daily','The daily run failed.','site','','open','["87b45689191ad4c3"]','2026-03-04 20:36:00.000000','2026-03-04 20:36:00.000000','2026-03-04 20:36:00.000000',2,NULL,NULL,NULL,NULL,NULL,'');
INSERT INTO "incidents" VALUES('4a0645b0d4929e0f','4ac14acaafad2466','site','radio','Coverage of sent is bad: reason ''ü''.','site','sent','acknowledged','["a9e6c5b26ad3ce2f"]','2026-03-02 12:00:00.000000','2026-03-02 12:00:00.000000','2026-03-02 12:00:00.000000',3,NULL,'2026-03-04 21:00:00.000000','Ada: the first','major',NULL,'');
CREATE TABLE silences (
	silence_id TEXT NOT NULL, 
	matchers TEXT NOT NULL, 
	starts_at DATETIME NOT NULL, 
	ends_at DATETIME, 
	window JSON, 
	created_by TEXT NOT NULL, 
	comment TEXT NOT NULL, 
	CONSTRAINT pk_silences PRIMARY KEY (silence_id)
);
INSERT INTO "silences" VALUES('works','site_id="silenced",family!="x"','2026-03-02 12:00:00.000000','2026-04-13 04:00:00.000000',NULL,'ada','Works: new roof');
INSERT INTO "silences" VALUES('000000000004','site_group=~"lab|test"','2026-03-02 12:00:00.000000',NULL,'{"begins": "01:30:00", "zone": "Europe/Vienna", "until": null, "lasts_seconds": 7200.0, "weekdays": [6], "first_day": null, "last_day": null}','','');
INSERT INTO "silences" VALUES('ended','site_id="s9"','2026-03-02 12:00:00.000000','2026-03-02 13:00:00.000000',NULL,'','');
CREATE TABLE threads (
	sink TEXT NOT NULL, 
	incident_id TEXT NOT NULL, 
	reference JSON NOT NULL, 
	updated_at DATETIME NOT NULL, 
	CONSTRAINT pk_threads PRIMARY KEY (sink, incident_id)
);
INSERT INTO "threads" VALUES('sent','4a0645b0d4929e0f','{"thread": "T-1"}','2026-03-02 12:00:00.000000');
INSERT INTO "threads" VALUES('chat','test-000000000002','{}','2026-03-02 12:00:00.000000');
INSERT INTO "threads" VALUES('mail','test-000000000001','{"message_id": "<1@example>"}','2026-03-02 15:00:00.000000');
INSERT INTO "threads" VALUES('mail','0fd9251d71aea1a3','{"message_id": "<1@example>"}','2026-03-02 15:00:00.000000');
INSERT INTO "threads" VALUES('mail','0fe3f957de92017d','{"message_id": "<1@example>"}','2026-03-02 15:00:00.000000');
INSERT INTO "threads" VALUES('mail','4d188f4ec3b136cb','{"message_id": "<1@example>"}','2026-03-02 15:00:00.000000');
INSERT INTO "threads" VALUES('mail','7736bf8fb7b87982','{"message_id": "<1@example>"}','2026-03-02 15:00:00.000000');
INSERT INTO "threads" VALUES('mail','b9b729b24c439777','{"message_id": "<1@example>"}','2026-03-02 15:00:00.000000');
INSERT INTO "threads" VALUES('mail','ca2e22e24022b4e6','{"message_id": "<1@example>"}','2026-03-02 15:00:00.000000');
INSERT INTO "threads" VALUES('digest','digest-f1d6fcc4d8a000a2','{"thread": "D-1"}','2026-03-03 06:30:00.000000');
CREATE TABLE tickets (
	sink TEXT NOT NULL, 
	incident_id TEXT NOT NULL, 
	ticket TEXT NOT NULL, 
	url TEXT NOT NULL, 
	state TEXT NOT NULL, 
	who TEXT NOT NULL, 
	read_at DATETIME NOT NULL, 
	CONSTRAINT pk_tickets PRIMARY KEY (sink, incident_id)
);
INSERT INTO "tickets" VALUES('jira','e62aca57c9c13d9e','NET-1','https://x/NET-1','open','Eve','2026-03-04 21:00:00.000000');
INSERT INTO "tickets" VALUES('jira','4a0645b0d4929e0f','NET-2','','acknowledged','Ada: the first','2026-03-04 21:00:00.000000');
CREATE TABLE told (
	sink TEXT NOT NULL, 
	incident_id TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	sequence INTEGER NOT NULL, 
	severity TEXT NOT NULL, 
	site_ids JSON NOT NULL, 
	is_over BOOLEAN NOT NULL, 
	is_acknowledged BOOLEAN NOT NULL, 
	CONSTRAINT pk_told PRIMARY KEY (sink, incident_id)
);
INSERT INTO "told" VALUES('sending','01ced1316d8639c9','2026-03-02 12:00:00.000000',1,'major','["sending"]',0,0);
INSERT INTO "told" VALUES('refused','1305700dfd459e94','2026-03-02 12:00:00.000000',1,'major','["refused"]',0,0);
INSERT INTO "told" VALUES('sent','4a0645b0d4929e0f','2026-03-02 12:00:00.000000',1,'major','["sent"]',0,0);
INSERT INTO "told" VALUES('failed','5ce3b28cfb432048','2026-03-02 12:00:00.000000',1,'major','["failed"]',0,0);
INSERT INTO "told" VALUES('unknown','79452a70f2642319','2026-03-02 12:00:00.000000',1,'major','["unknown"]',0,0);
INSERT INTO "told" VALUES('pending','e62aca57c9c13d9e','2026-03-02 12:00:00.000000',1,'major','["pending"]',0,0);
INSERT INTO "told" VALUES('mail','b9b729b24c439777','2026-03-02 15:00:00.000000',1,'major','["called"]',0,0);
INSERT INTO "told" VALUES('pager','b9b729b24c439777','2026-03-02 15:30:00.000000',0,'major','["called"]',0,0);
INSERT INTO "told" VALUES('mail','0fd9251d71aea1a3','2026-03-02 16:00:00.000000',2,'major','["looked-up"]',0,1);
INSERT INTO "told" VALUES('pager','0fd9251d71aea1a3','2026-03-02 16:00:00.000000',1,'major','["looked-up"]',0,1);
INSERT INTO "told" VALUES('mail','0fe3f957de92017d','2026-03-02 16:00:00.000000',2,'major','["under-way"]',0,1);
INSERT INTO "told" VALUES('pager','0fe3f957de92017d','2026-03-02 16:00:00.000000',1,'major','["under-way"]',0,1);
INSERT INTO "told" VALUES('mail','7736bf8fb7b87982','2026-03-02 16:00:00.000000',2,'major','[]',1,0);
INSERT INTO "told" VALUES('pager','7736bf8fb7b87982','2026-03-02 16:00:00.000000',1,'major','[]',1,0);
INSERT INTO "told" VALUES('mail','ca2e22e24022b4e6','2026-03-02 16:00:00.000000',2,'major','["taken"]',0,1);
INSERT INTO "told" VALUES('pager','ca2e22e24022b4e6','2026-03-02 16:00:00.000000',1,'major','["taken"]',0,1);
INSERT INTO "told" VALUES('mail','f08d86cd2fe6ac0e','2026-03-02 17:00:00.000000',1,'major','["again"]',0,0);
INSERT INTO "told" VALUES('phone','f08d86cd2fe6ac0e','2026-03-02 18:40:00.000000',0,'major','["again"]',0,0);
INSERT INTO "told" VALUES('mail','5248820b9aee3f80','2026-03-02 20:06:00.000000',2,'major','[]',1,0);
INSERT INTO "told" VALUES('mail','bffe6c2d066b1f59','2026-03-02 20:06:00.000000',1,'major','["north-1", "north-2"]',0,0);
INSERT INTO "told" VALUES('mail','e53de37ed3884b88','2026-03-02 20:06:00.000000',2,'major','[]',1,0);
INSERT INTO "told" VALUES('digest','fc6a4daeb4144d29','2026-03-03 06:30:00.000000',1,'major','["dark-2"]',0,0);
INSERT INTO "told" VALUES('mail','4d188f4ec3b136cb','2026-03-03 04:00:00.000000',2,'major','[]',1,0);
INSERT INTO "told" VALUES('digest','b226b47eba833c8c','2026-03-03 22:00:00.000000',2,'critical','["dark-1"]',0,0);
INSERT INTO "told" VALUES('digest','04121ed3cd3c5921','2026-03-04 06:30:00.000000',1,'major','["dark-3"]',0,0);
INSERT INTO "told" VALUES('digest','b30efa5bee737263','2026-03-04 06:30:00.000000',1,'major','["dark-4"]',0,0);
INSERT INTO "told" VALUES('digest','e3cbf145b05d6572','2026-03-04 06:30:00.000000',1,'major','["dark-5"]',0,0);
INSERT INTO "told" VALUES('mail','8805b82ff0017cca','2026-03-04 14:00:00.000000',1,'critical','["down"]',0,0);
INSERT INTO "told" VALUES('mail','dd9f34f8cd832108','2026-03-04 20:30:00.000000',1,'major','["soon"]',0,0);
INSERT INTO "told" VALUES('mail','da07190e5acd840d','2026-03-04 20:36:00.000000',1,'major','[""]',0,0);
CREATE INDEX ix_alerts_fingerprint ON alerts (fingerprint);
CREATE INDEX ix_alerts_incident_id ON alerts (incident_id);
CREATE INDEX ix_alerts_resolved_at ON alerts (resolved_at);
CREATE INDEX ix_alerts_site_id ON alerts (site_id);
CREATE INDEX ix_alerts_state ON alerts (state);
CREATE INDEX ix_deliveries_incident_id ON deliveries (incident_id);
CREATE INDEX ix_deliveries_state_due_at ON deliveries (state, due_at);
CREATE INDEX ix_escalations_state_due_at ON escalations (state, due_at);
CREATE INDEX ix_events_at ON events (at);
CREATE INDEX ix_feedback_alert_id ON feedback (alert_id);
CREATE INDEX ix_feedback_incident_id ON feedback (incident_id);
CREATE INDEX ix_incidents_fingerprint ON incidents (fingerprint);
CREATE INDEX ix_incidents_state ON incidents (state);
COMMIT;
