package main

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"isuride/webapp/dispatch"
)

// A policy is a name with its settings of dispatch.
type policy struct {
	name   string
	params dispatch.Params
}

// parsePolicies reads policies like "default", "AgeWeight=50" and
// "patient:AgeWeight=50,Ramp=20s".
func parsePolicies(texts []string) ([]policy, error) {
	var policies []policy
	for _, text := range texts {
		p, err := parsePolicy(text)
		if err != nil {
			return nil, err
		}
		policies = append(policies, p)
	}
	return policies, nil
}

func cutName(text string) (name, rest string, named bool) { return strings.Cut(text, ":") }

func parsePolicy(text string) (policy, error) {
	p := policy{name: text, params: dispatch.DefaultParams()}
	if name, rest, named := cutName(text); named {
		p.name, text = name, rest
	}
	if text == "default" {
		return p, nil
	}
	for item := range strings.SplitSeq(text, ",") {
		key, value, _ := strings.Cut(item, "=")
		if err := p.set(key, value); err != nil {
			return p, fmt.Errorf("policy %q: %w", text, err)
		}
	}
	return p, nil
}

// set changes one parameter, by the name of its field.
func (p *policy) set(key, value string) error {
	field := reflect.ValueOf(&p.params).Elem().FieldByName(key)
	if !field.IsValid() {
		return fmt.Errorf("there is no %q in dispatch.Params", key)
	}
	switch v := field.Addr().Interface().(type) {
	case *time.Duration:
		return parse(v, value, time.ParseDuration)
	case *int:
		return parse(v, value, strconv.Atoi)
	}
	return fmt.Errorf("%s cannot be set", key)
}

func parse[T any](dst *T, value string, parser func(string) (T, error)) (err error) {
	*dst, err = parser(value)
	return err
}
