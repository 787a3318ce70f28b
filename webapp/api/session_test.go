package api

import "testing"

func TestBearer(t *testing.T) {
	for _, tc := range []struct {
		field, token string
		ok           bool
	}{
		{"Bearer abc", "abc", true},
		{"bearer abc", "abc", true},
		{"BEARER   abc", "abc", true},
		{"Bearer a b", "a b", true}, // which belongs to nobody
		{"Bearer ", "", true},
		{"Bearer", "", true},
		{"", "", false},
		{"Bear", "", false},
		{"Bearers abc", "", false},
		{"Basic YTpi", "", false},
		{"abc", "", false},
	} {
		if token, ok := bearer([]byte(tc.field)); string(token) != tc.token || ok != tc.ok {
			t.Errorf("%q: %q, %t", tc.field, token, ok)
		}
	}
}
