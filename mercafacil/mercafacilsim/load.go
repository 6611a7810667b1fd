package mercafacilsim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Record is one that a load brought.
type Record struct {
	Key   string          `json:"key"`
	At    time.Time       `json:"at"`    // of its last coming
	Times int             `json:"times"` // it came
	Body  json.RawMessage `json:"body"`
}

// loadRoute is what is known of a load (contract 3.8, 3.10, 3.11).
type loadRoute struct{ wrapper, schema, key string }

func loadRoutes() map[string]loadRoute {
	return map[string]loadRoute{
		"products":     {"products", "product", "sku"},
		"operators":    {"operators", "operator", "id"},
		"coupons-list": {"coupons", "coupon", "coupon"},
	}
}

// load takes a batch: an array or an object with one, as the settings say. Faulty records refuse the whole, or only
// themselves.
func (s *Sim) load(c *call) reply {
	how := loadRoutes()[c.route]
	records, err := s.settings.unwrap(how.wrapper, c.body)
	if err != nil {
		return refusal(http.StatusBadRequest, err.Error())
	}
	var faults []string
	taken := 0
	keys, right := make([]string, len(records)), make([]bool, len(records))
	for i, record := range records {
		if err := s.schemas.check(how.schema, record); err != nil {
			faults = append(faults, fmt.Sprintf("record %d: %v", i, err))
			continue
		}
		if keys[i], right[i] = keyOf(record, how.key), true; c.route == "coupons-list" {
			if known := s.byID[keys[i]]; known != nil && s.settings.RepeatedCoupon == "refuse" && !sameJSON(known.Body, record) {
				faults, right[i] = append(faults, fmt.Sprintf("record %d: coupon %q already exists", i, keys[i])), false
			}
		}
	}
	if len(faults) > 0 && s.settings.FaultyRecords == "refuse_all" {
		return refusal(http.StatusUnprocessableEntity, strings.Join(faults[:min(len(faults), 5)], "; "))
	}
	for i, record := range records {
		if right[i] {
			s.hold(c.route, keys[i], record)
			taken++
		}
	}
	return s.done(http.StatusOK, map[string]any{"accepted": taken, "rejected": len(faults), "faults": faults})
}

// unwrap gives the records of a batch.
func (s Settings) unwrap(name string, body []byte) ([]json.RawMessage, error) {
	var records []json.RawMessage
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("[")) {
		if s.Wrapper == "object" {
			return nil, fmt.Errorf("want an object with %q", name)
		}
		err := json.Unmarshal(body, &records)
		return records, err
	}
	if s.Wrapper == "array" {
		return nil, fmt.Errorf("want an array")
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(body, &object); err != nil {
		return nil, err
	}
	list, ok := object[name]
	if !ok {
		return nil, fmt.Errorf("want an array, or an object with %q; got one with %s", name, strings.Join(slices.Sorted(maps.Keys(object)), ", "))
	}
	err := json.Unmarshal(list, &records)
	return records, err
}

func keyOf(record []byte, name string) string {
	var object map[string]any
	if err := json.Unmarshal(record, &object); err != nil {
		return ""
	}
	key, _ := object[name].(string)
	return key
}

func sameJSON(a, b []byte) bool {
	var one, other any
	return json.Unmarshal(a, &one) == nil && json.Unmarshal(b, &other) == nil && spelled(one) == spelled(other)
}

// hold keeps a record: a later one of the same key takes its place.
func (s *Sim) hold(route, key string, body json.RawMessage) {
	body = bytes.Clone(body)
	if route == "coupons-list" {
		known := s.byID[key]
		if known == nil {
			known = &Coupon{ID: key}
			s.byID[key] = known
			s.coupons = append(s.coupons, known)
		}
		known.At, known.Body, known.FromList = s.now(), body, true
		return
	}
	held := s.loads[route]
	if held == nil {
		held = make(map[string]*Record)
		s.loads[route] = held
	}
	record := held[key]
	if record == nil {
		record = &Record{Key: key}
		held[key] = record
	}
	record.At, record.Body = s.now(), body
	record.Times++
}

// Loaded gives what loads of a route brought (products or operators), by key.
func (s *Sim) Loaded(route string) []Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []Record{}
	for _, key := range slices.Sorted(maps.Keys(s.loads[route])) {
		list = append(list, *s.loads[route][key])
	}
	return list
}
