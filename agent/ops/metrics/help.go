package metrics

import (
	"bytes"
	"strings"
)

// help says what each metric is. Of the process's own metrics only those that are here are shown.
var help = map[string]string{
	"pdvagent_till_request_duration_seconds":      "Time to answer a call of a till.",
	"pdvagent_cloud_request_duration_seconds":     "Time a cloud took to answer, or until it was given up.",
	"pdvagent_store_commit_duration_seconds":      "Time to put a group of changes on disk.",
	"pdvagent_store_commit_changes":               "Changes that went to disk with one commit.",
	"pdvagent_delivery_retries_total":             "Deliveries that have to be made once more, by why.",
	"pdvagent_build_info":                         "The version that runs; always 1.",
	"pdvagent_queue_jobs":                         "Jobs of the queue since the first start, by where they stand now.",
	"pdvagent_queue_oldest_pending_age_seconds":   "Age of the oldest job still to be sent; 0 when there is none.",
	"pdvagent_cloud_online":                       "1 while the cloud answers: deliveries and live calls, and at least once since the start.",
	"pdvagent_delivery_paused":                    "1 for each kind of job, or the whole cloud, that waits because it is refused.",
	"pdvagent_circuit_open":                       "1 while live calls are answered without the cloud.",
	"pdvagent_store_bytes":                        "Size of the agent's files.",
	"pdvagent_store_limit_bytes":                  "How large the files may become.",
	"pdvagent_clock_suspect":                      "1 while the machine's clock cannot be right.",
	"pdvagent_clock_offset_seconds":               "By how much a suspect clock is off; 0 while it is not suspect.",
	"pdvagent_alarm_active":                       "1 for each trouble that needs a person.",
	"pdvagent_routine_last_run_timestamp_seconds": "When a routine ended last; 0 before its first run.",
	"pdvagent_routine_last_run_failed":            "1 if the last run of a routine went wrong.",
	"pdvagent_journal_lost_lines_total":           "Lines that the journal found no room or no disk for.",

	"go_gc_duration_seconds":           "Time that the program stood still for the garbage collector.",
	"go_goroutines":                    "Goroutines that exist.",
	"go_info":                          "The version of Go; always 1.",
	"go_memstats_alloc_bytes":          "Heap in use.",
	"go_memstats_alloc_bytes_total":    "Heap that was ever allocated.",
	"go_memstats_frees_total":          "Heap objects that were freed.",
	"go_memstats_gc_sys_bytes":         "Memory of the garbage collector itself.",
	"go_memstats_heap_alloc_bytes":     "Heap in use.",
	"go_memstats_heap_idle_bytes":      "Heap that is free, and not with the system.",
	"go_memstats_heap_inuse_bytes":     "Heap in spans that are in use.",
	"go_memstats_heap_objects":         "Heap objects that exist.",
	"go_memstats_heap_released_bytes":  "Heap that went back to the system.",
	"go_memstats_heap_sys_bytes":       "Heap that came from the system.",
	"go_memstats_last_gc_time_seconds": "When the garbage collector ran last, in seconds since 1970.",
	"go_memstats_mallocs_total":        "Heap objects that were ever allocated.",
	"go_memstats_next_gc_bytes":        "Heap at which the garbage collector runs next.",
	"go_memstats_stack_inuse_bytes":    "Stacks in use.",
	"go_memstats_sys_bytes":            "Memory that came from the system.",
	"go_threads":                       "Threads that exist.",
	"process_cpu_seconds_total":        "Processor time of user and system.",
	"process_max_fds":                  "Files that may be open.",
	"process_open_fds":                 "Files that are open.",
	"process_resident_memory_bytes":    "Resident memory.",
	"process_start_time_seconds":       "When the process started, in seconds since 1970.",
	"process_virtual_memory_bytes":     "Virtual memory.",
}

// page collects the text of a scrape.
type page struct{ bytes.Buffer }

// explained gives the text with what each metric is, without the metrics that are not in [help].
func (p *page) explained() []byte {
	var out bytes.Buffer
	known := false
	for line := range strings.Lines(p.String()) {
		if name, ok := strings.CutPrefix(line, "# HELP "); ok {
			name = strings.TrimSpace(name)
			var text string
			if text, known = help[name]; known {
				out.WriteString("# HELP " + name + " " + text + "\n")
			}
			continue
		}
		if known {
			out.WriteString(line)
		}
	}
	return out.Bytes()
}
