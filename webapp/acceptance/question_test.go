package acceptance

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"isuride/webapp/servertest"
)

// TestQuestions: who may ask, what is refused, and an answer as the document has it. QuestDB is a stand-in;
// webapp/questions asks a real one.
func TestQuestions(t *testing.T) {
	t.Parallel()
	var asked []*http.Request
	questDB := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r)
		fmt.Fprint(w, `{"columns":[{"name":"time","type":"TIMESTAMP"},{"name":"amount","type":"LONG"}],"dataset":[["2026-01-05T10:00:30.000000Z",1000]]}`)
	}))
	defer questDB.Close()
	p := servertest.New(t, "ISURIDE_QUESTDB="+questDB.URL)
	p.Bare()
	p.Start()
	operator := []string{"Authorization", "Bearer " + operatorToken(p)}
	all := readExamples(t)
	all.operations["askQuestion"].check(t, "askQuestion", p.Send("GET", "/api/operator/answers?question=revenue&minutes=15", "", operator...))
	if len(asked) != 1 || asked[0].Method != "GET" || asked[0].Header.Get("Statement-Timeout") != "5000" {
		t.Fatalf("QuestDB was asked %d times", len(asked))
	}
	if sql := asked[0].URL.Query().Get("query"); !strings.Contains(sql, "FROM payments") || !strings.Contains(sql, "'15s'") {
		t.Errorf("QuestDB was asked %s", sql)
	}
	list := p.Send("GET", "/api/operator/questions", "", operator...)
	if list.Status != 200 || !strings.Contains(string(list.Body), `"name":"revenue"`) || strings.Contains(string(list.Body), "SELECT") {
		t.Errorf("the list is %d %s", list.Status, list.Body)
	}
	const answers = "/api/operator/answers?question="
	p.Send("GET", answers+"revenue", "").Refused(t, 401, "operator's token")
	p.Send("GET", "/api/operator/questions", "").Refused(t, 401, "operator's token")
	user, _ := p.User("user", "")
	p.Send("GET", answers+"revenue", "", "Authorization", "Bearer "+bearer(user)).Refused(t, 401, "operator's token")
	p.Send("GET", answers+"revenue", "", "Cookie", "app_session="+operatorToken(p)).Refused(t, 401, "operator's token")
	p.Send("GET", answers+"revenue%27;DROP%20TABLE%20rides", "", operator...).Refused(t, 404, "there is no question")
	p.Send("GET", "/api/operator/answers", "", operator...).Refused(t, 404, "there is no question")
	for _, minutes := range []string{"0", "-1", "10081", "x", "1.5", "99999999999999999999"} {
		p.Send("GET", answers+"revenue&minutes="+minutes, "", operator...).Refused(t, 400, "minutes")
	}
	if len(asked) != 1 {
		t.Errorf("QuestDB was asked %d times: refusals are the server's", len(asked))
	}
	questDB.Close()
	p.Send("GET", answers+"revenue", "", operator...).Refused(t, 503, "make stream-up")
}

// TestQuestionsWithoutQuestDB: the list is there, and an answer says what to do.
func TestQuestionsWithoutQuestDB(t *testing.T) {
	t.Parallel()
	p := servertest.New(t)
	p.Bare()
	p.Start()
	operator := []string{"Authorization", "Bearer " + operatorToken(p)}
	p.Send("GET", "/api/operator/answers?question=funnel", "", operator...).Refused(t, 503, "ISURIDE_QUESTDB")
	if r := p.Send("GET", "/api/operator/questions", "", operator...); r.Status != 200 {
		t.Errorf("the list is %d %s", r.Status, r.Body)
	}
}
