package api

import (
	"context"
	"errors"

	"isuride/webapp/isuride"
	"isuride/webapp/questions"
)

// asOperator is for calls that only the operator's token may make. It comes as a bearer token: no
// cookie has it.
func (a *API) asOperator(h handler) handler {
	return func(c call) error {
		token, _ := bearer(c.Authorization())
		if found, _ := a.accountOf(c.gen, token); !found.operator {
			return isuride.Errorf(isuride.Unauthorized, "this needs the operator's token, which is in the data folder's file operator-token, as a bearer token")
		}
		return h(c)
	}
}

func (a *API) listQuestions(c call) error { return c.object(200, a.opt.Questions.All()) }

// defaultMinutes is how far back a question looks if nothing else is said.
const defaultMinutes = 15

// askQuestion waits for QuestDB, for some seconds at most. Where that has no answer it says why; the server
// itself is well, so that its log stays silent.
func (a *API) askQuestion(c call) error {
	name, err := c.queryValue("question")
	if err != nil {
		return err
	}
	minutes, given, err := c.queryInt("minutes", 32)
	if err != nil {
		return err
	}
	if !given {
		minutes = defaultMinutes
	}
	if minutes < 1 || minutes > questions.MaxMinutes {
		return isuride.Errorf(isuride.InvalidInput, "minutes is %d; it can be 1 to %d, a week", minutes, questions.MaxMinutes)
	}
	answer, err := a.opt.Questions.Ask(context.Background(), name, int(minutes))
	switch {
	case errors.Is(err, questions.ErrUnknown):
		return isuride.Errorf(isuride.NotFound, "there is no question %.40q: GET /api/operator/questions lists them", name)
	case err != nil:
		writeError(c.Ctx, 503, err.Error())
		return nil
	}
	return c.object(200, answer)
}
