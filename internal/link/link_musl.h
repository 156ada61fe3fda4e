// Whether the program has an index of its unwind tables (.eh_frame_hdr). Without
// one a Rust panic aborts the process instead of becoming an error.
int musl_can_unwind(void);
