package bench

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// watchMemory looks at a process every few milliseconds. The function that it returns
// ends that, and returns the most bytes that were resident; 0 where /proc does not tell.
//
// What the system reports of a process that has ended is no use: on Linux it is at
// least what its parent had.
func watchMemory(pid int) (end func() int64) {
	stop, peak := make(chan struct{}), make(chan int64)
	go func() {
		var most int64
		for tick := time.NewTicker(5 * time.Millisecond); ; {
			most = max(most, residentPeak(pid))
			select {
			case <-tick.C:
			case <-stop:
				tick.Stop()
				peak <- most
				return
			}
		}
	}()
	return func() int64 {
		close(stop)
		return <-peak
	}
}

// residentPeak is VmHWM of /proc/PID/status, in bytes.
func residentPeak(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "\nVmHWM:")
	var kib int64
	if _, err := fmt.Sscanf(rest, "%d kB", &kib); err != nil {
		return 0
	}
	return kib << 10
}
