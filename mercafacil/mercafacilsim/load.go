package mercafacilsim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Record is one that a load brought.
type Record struct {
	Key   string          `json:"key"`
	At    time.Time       `json:"at"`    // of its last arrival
	Times int             `json:"times"` // it arrived
	Body  json.RawMessage `json:"body"`
}

// loadRoute is how a load is written (mercafacil.md 3.8, 3.10, 3.11).
type loadRoute struct{ wrapper, schema, key string }

func loadRoutes() map[string]loadRoute {
	return map[string]loadRoute{
		"products":     {"products", "product", "sku"},
		"operators":    {"operators", "operator", "id"},
		"coupons-list": {"coupons", "coupon", "coupon"},
	}
}

// load takes a batch: an array or an object with one, as the settings say. Faulty records refuse the batch, or only
// themselves.
func (h *handler) load() reply {
	how := loadRoutes()[h.route]
	records, err := h.settings.unwrap(how.wrapper, h.body)
	if err != nil {
		return reject(http.StatusBadRequest, err.Error())
	}
	var faults []string
	accepted := 0
	keys := make([]string, len(records)) // of those without a fault
	for i, record := range records {
		if keys[i], err = h.recordKey(how, record); err != nil {
			faults = append(faults, fmt.Sprintf("record %d: %v", i, err))
		}
	}
	if len(faults) > 0 && h.settings.FaultyRecords == "refuse_all" {
		return reject(http.StatusUnprocessableEntity, strings.Join(faults[:min(len(faults), 5)], "; "))
	}
	for i, record := range records {
		if keys[i] != "" {
			h.keep(keys[i], record)
			accepted++
		}
	}
	return h.success(http.StatusOK, map[string]any{"accepted": accepted, "rejected": len(faults), "faults": faults})
}

// recordKey checks a record of a load and gives its key.
func (h *handler) recordKey(how loadRoute, record []byte) (string, error) {
	if err := h.schemas.Check(how.schema, record); err != nil {
		return "", err
	}
	key := keyOf(record, how.key)
	if h.route == "coupons-list" {
		if known := h.byID[key]; known != nil && h.settings.RepeatedCoupon == "refuse" && !sameJSON(known.Body, record) {
			return "", fmt.Errorf("coupon %q already exists", key)
		}
	}
	return key, nil
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

// sameJSON compares values, whatever their order of fields or spelling.
func sameJSON(a, b []byte) bool {
	var one, other any
	return json.Unmarshal(a, &one) == nil && json.Unmarshal(b, &other) == nil && reflect.DeepEqual(one, other)
}

// keep keeps a record; a later one of the same key takes its place.
func (h *handler) keep(key string, body json.RawMessage) {
	body = bytes.Clone(body)
	if h.route == "coupons-list" {
		known := h.coupon(key)
		known.At, known.Body, known.FromList = h.Now(), body, true
		return
	}
	held := h.loads[h.route]
	if held == nil {
		held = make(map[string]*Record)
		h.loads[h.route] = held
	}
	record := held[key]
	if record == nil {
		record = &Record{Key: key}
		held[key] = record
	}
	record.At, record.Body = h.Now(), body
	record.Times++
}

// Loaded gives what loads of a route brought (products or operators), by key.
func (s *Sim) Loaded(route string) []Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []Record{}
	for _, key := range slices.Sorted(maps.Keys(s.state.loads[route])) {
		list = append(list, *s.state.loads[route][key])
	}
	return list
}
