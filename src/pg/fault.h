// Places where a test lets a process die: t/ walks the list of them.
//
// Only in a build with -DDYNPGEXT_FAULTS; otherwise there is nothing.  A file `dynpgext.fault` in
// the data directory names a point and what happens there: `kill` (SIGKILL) or `error`.  The first
// process that comes by the point takes the file away, and does it.
#pragma once

#ifdef DYNPGEXT_FAULTS
namespace dynpgext::pg {
void fault_point(const char *name);
}
#define DYNPGEXT_FAULT_POINT(name) ::dynpgext::pg::fault_point(name)
#else
#define DYNPGEXT_FAULT_POINT(name) static_cast<void>(0)
#endif
