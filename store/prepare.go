package store

import "pdvagent/agent"

// prepared is a change with everything that its caller's goroutine can do: hashes, encodings, large bodies in their files.
// The one goroutine that commits does only what is left.
type prepared struct {
	agent.Change
	jobs []preparedJob // of Change.Jobs
}

type preparedJob struct {
	groups  [][]byte // hashed
	unique  []byte   // bucket key of the natural key, nil for none
	payload []byte
	spooled *spooledBody // where the body is, when not in payload
}

func (s *Store) prepareChange(change agent.Change) (prepared, error) {
	ready := prepared{Change: change, jobs: make([]preparedJob, len(change.Jobs))}
	if err := s.spoolLarge(ready); err != nil {
		return prepared{}, err
	}
	for i, job := range change.Jobs {
		p := &ready.jobs[i]
		for _, group := range job.Groups() {
			p.groups = append(p.groups, s.ring.Hash("group", group))
		}
		if job.Unique != "" {
			p.unique = uniqueKey(s.ring.Hash("group", job.Unique), job.Kind)
		}
		var err error
		if p.payload, err = encodeJob(job, p.spooled); err != nil {
			s.spool.remove(ready.spooledNames())
			return prepared{}, err
		}
	}
	return ready, nil
}

// spooledNames are the spool files of this change.
func (p prepared) spooledNames() []string {
	var names []string
	for _, job := range p.jobs {
		if job.spooled != nil {
			names = append(names, job.spooled.Name)
		}
	}
	return names
}
