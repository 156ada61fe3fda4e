package source

import (
	"cmp"
	"context"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
)

// Write runs f on the tree in a directory. It returns after the database is closed and
// its state is noted in the report. Then a success can be printed.
func (p Place) Write(ctx context.Context, f func(*Source) error) error {
	s, err := p.openToWrite(ctx)
	if err != nil {
		return err
	}
	err = f(s)
	if code, _ := exit.Classify(err); err != nil && code == exit.Store { // what is there can only be told when it is opened again
		s.Close(&err)
		return err
	}
	var now Report
	unread := s.Await(func() (err error) {
		now, err = s.Report()
		return err
	})
	s.Close(&err)
	if unread != nil {
		return cmp.Or(err, unread)
	}
	return cmp.Or(err, s.WriteReport(now))
}
