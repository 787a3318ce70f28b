package sqlstore

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"isuride/webapp/isuride"
)

func TestParseDumpForms(t *testing.T) {
	want := &isuride.Tables{Settings: []isuride.Setting{{Name: "a", Value: "b"}, {Name: "c", Value: "d"}}}
	for name, text := range map[string]string{
		"dump":              "INSERT INTO `settings` VALUES ('a','b'),('c','d');\n",
		"no backquotes":     "INSERT INTO settings VALUES ('a','b'),('c','d');",
		"byte order mark":   "\xef\xbb\xbfINSERT INTO settings VALUES ('a','b'),('c','d');",
		"database":          "INSERT INTO `isuride`.`settings` VALUES ('a','b'),('c','d');",
		"columns":           "INSERT INTO `settings` (`value`, `name`) VALUES ('b','a'),('d','c');",
		"two statements":    "INSERT INTO settings VALUES ('a','b');INSERT INTO settings VALUES ('c','d');",
		"small letters":     "insert ignore into settings values ('a','b'),('c','d');",
		"replace":           "REPLACE INTO settings VALUE ('a','b'),('c','d');",
		"double quotes":     `INSERT INTO settings VALUES ("a","b"),("c","d");`,
		"spaces":            "\r\n INSERT\tINTO settings\nVALUES\n( 'a' , 'b' )\n,\n('c','d')\n;\n\n",
		"character set":     "INSERT INTO settings VALUES (_utf8mb4'a',_binary 'b'),('c','d');",
		"comments":          "-- it's\n# don't\n/* can't; */INSERT INTO settings VALUES ('a',/* ' */'b'),('c','d'); -- the end's",
		"other statements":  "/*!40101 SET NAMES utf8 */;\nLOCK TABLES `settings` WRITE;\nSET @a = 'x;\\'y';;USE `a;b`;\nINSERT INTO settings VALUES ('a','b'),('c','d');UNLOCK TABLES;",
		"schema":            "DROP TABLE IF EXISTS settings; CREATE TABLE `settings` (`name` varchar(30) COMMENT 'INSERT; it''s');INSERT INTO settings VALUES ('a','b'),('c','d');",
		"our own table":     "INSERT INTO `journal_position` VALUES (1,2,3,1);INSERT INTO settings VALUES ('a','b'),('c','d');",
		"statement in text": "SELECT 'INSERT INTO settings VALUES (1)'; INSERT INTO settings VALUES ('a','b'),('c','d');",
	} {
		got, err := ParseDump(strings.NewReader(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestParseDumpValues(t *testing.T) {
	got, err := ParseDump(strings.NewReader(`
INSERT INTO rides VALUES ('r','u',NULL,-18,+3,2147483647,-2147483648,NULL,'2024-11-26 00:00:00.000001','2024-11-26 00:00:01');
INSERT INTO rides (id, user_id, pickup_latitude, pickup_longitude, destination_latitude, destination_longitude, created_at, updated_at)
  VALUES ('s','u',1,2,3,4,'2024-11-26 00:00:00','2024-11-26 00:00:00');
INSERT INTO ride_statuses VALUES ('s','r','CARRYING','2024-11-26 00:00:00',NULL,'2024-11-26 00:00:01.5');
INSERT INTO chairs VALUES ('c','o','','\0\b\n\r\t\Z\\\'\"\x\%\_''"',1,'','2024-11-26 00:00:00','2024-11-26 00:00:00');
`))
	if err != nil {
		t.Fatal(err)
	}
	const at = isuride.Time(1732579200000000)
	want := &isuride.Tables{
		Rides: []isuride.Ride{
			{ID: "r", UserID: "u", Pickup: isuride.Coordinate{Latitude: -18, Longitude: 3},
				Destination: isuride.Coordinate{Latitude: 2147483647, Longitude: -2147483648}, CreatedAt: at + 1, UpdatedAt: at + 1e6},
			{ID: "s", UserID: "u", Pickup: isuride.Coordinate{Latitude: 1, Longitude: 2},
				Destination: isuride.Coordinate{Latitude: 3, Longitude: 4}, CreatedAt: at, UpdatedAt: at},
		},
		RideStatuses: []isuride.RideStatus{{ID: "s", RideID: "r", Status: isuride.Carrying, CreatedAt: at, ChairSentAt: at + 15e5}},
		Chairs: []isuride.Chair{{ID: "c", OwnerID: "o", Model: "\x00\b\n\r\t\x1a\\'\"x\\%\\_'\"", IsActive: true,
			CreatedAt: at, UpdatedAt: at}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestParseDumpErrors(t *testing.T) {
	for text, want := range map[string]string{
		"INSERT INTO riders VALUES (1);":                                  `dump line 1: table "riders" is none of the ten`,
		"\n\nINSERT INTO settings VALUES ('a'\n,'b','c');":                `dump line 4: table settings: closing parenthesis expected, not ",'c');"`,
		"INSERT INTO settings VALUES ('a');":                              `dump line 1: table settings: comma expected, not ");"`,
		"INSERT INTO settings VALUES ('a',NULL);":                         "dump line 1: table settings: column value is NULL",
		"INSERT INTO settings VALUES ('a','b') ON DUPLICATE KEY":          `dump line 1: table settings: comma or semicolon expected, not "ON DUPLICATE KEY"`,
		"INSERT INTO settings VALUES ('a','b'":                            "dump line 1: table settings: the dump ends within a statement",
		"INSERT INTO settings VALUES ('a','b":                             "dump line 1: table settings: the dump ends within a statement",
		"INSERT INTO settings VALUES ('a','b'),":                          "dump line 1: table settings: the dump ends within a statement",
		"INSERT INTO settings VALUES ('a',":                               "dump line 1: table settings: the dump ends within a statement",
		"INSERT INTO settings":                                            `dump line 1: table settings: VALUES expected, not ""`,
		"INSERT INTO settings SELECT * FROM a;":                           `dump line 1: table settings: VALUES expected, not "SELECT"`,
		"INSERT INTO settings (name) VALUES ('a');":                       "dump line 1: table settings: column value is listed 0 times",
		"INSERT INTO settings (name,name,value) VALUES ('a','a','b');":    "dump line 1: table settings: column name is listed 2 times",
		"INSERT INTO settings (name,worth) VALUES ('a','b');":             `dump line 1: table settings: column "worth" does not exist`,
		"INSERT INTO settings (name value) VALUES ('a','b');":             `dump line 1: table settings: closing parenthesis expected, not "value) VALUES ('a','"`,
		"INSERT settings VALUES ('a','b');":                               `dump line 1: INSERT is followed by "settings"`,
		"INSERT INTO chair_models VALUES ('a',x'31');":                    `dump line 1: table chair_models: value expected, not "'31');"`,
		"INSERT INTO chair_models VALUES ('a','fast');":                   `dump line 1: table chair_models: column speed has the value "fast"`,
		"INSERT INTO chair_models VALUES ('a',3000000000);":               `dump line 1: table chair_models: column speed has the value "3000000000"`,
		"INSERT INTO payment_tokens VALUES ('a','b','2024-11-26');":       `dump line 1: table payment_tokens: column created_at has the value "2024-11-26"`,
		"INSERT INTO settings VALUES ('a','b')":                           "dump line 1: table settings: the dump ends within a statement",
		"CREATE TABLE settings (name VARCHAR(30)":                         "dump line 1: the dump ends within a statement",
		"LOCK TABLES settings WRITE;\n":                                   "dump line 2: the dump ends within LOCK TABLES",
		"BEGIN; INSERT INTO settings VALUES ('a','b');":                   "dump line 1: the dump ends within a transaction",
		"INSERT INTO settings VALUES ('a','b'); /* the end":               "dump line 1: the dump ends within a comment",
		"UPDATE settings SET value = 'c';":                                `dump line 1: "UPDATE" is no statement of a dump`,
		"{\"error\": 404}":                                                `dump line 1: statement expected, not "{\"error\": 404}"`,
		"SELECT 'a":                                                       "dump line 1: the dump ends within a statement",
		"INSERT INTO ride_statuses VALUES ('a','b','DONE','','',NULL);\n": `dump line 1: table ride_statuses: column status has the value "DONE"`,
	} {
		if got, err := ParseDump(strings.NewReader(text)); err == nil {
			t.Errorf("%s\nis read as %+v", text, got)
		} else if err.Error() != want {
			t.Errorf("%s\ngot  %s\nwant %s", text, err, want)
		}
	}
}

// FuzzParseDump: whatever the text, an error and no crash.
func FuzzParseDump(f *testing.F) {
	f.Add("INSERT INTO `settings` (`name`,value) VALUES ('a','b\\'');-- x\n/* y */ USE `z`;")
	f.Add("REPLACE INTO coupons VALUES ('a','b',-1,'2024-11-26 00:00:00.000001',NULL),(_binary 'a',\"\"\"\",+1,'','')")
	f.Fuzz(func(t *testing.T, text string) {
		rows, err := ParseDump(strings.NewReader(text))
		if (rows == nil) == (err == nil) {
			t.Errorf("rows %v and error %v", rows, err)
		}
	})
}

// FuzzDumpText: every text comes back out of a dump that quotes it as mysqldump does.
func FuzzDumpText(f *testing.F) {
	f.Add("it's", "\x00\\\"\n")
	f.Fuzz(func(t *testing.T, name, value string) {
		escape := strings.NewReplacer("\x00", `\0`, "\n", `\n`, `\`, `\\`, `'`, `\'`, `"`, `\"`).Replace
		text := fmt.Sprintf("INSERT INTO `settings` VALUES ('%s','%s');", escape(name), escape(value))
		rows, err := ParseDump(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if want := (isuride.Setting{Name: name, Value: value}); len(rows.Settings) != 1 || rows.Settings[0] != want {
			t.Errorf("got %q, want %q", rows.Settings, want)
		}
	})
}
