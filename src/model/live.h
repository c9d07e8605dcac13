// The two sides of the comparison, as plain values: registrations (desired), and the present state
// (live).
#pragma once

#include <string>
#include <vector>

#include "model/registration.h"
#include "model/state.h"

namespace dynpgext::model {

// The wanted registrations of a database in this run of the server.
struct desired_database {
  database_id database = no_database;
  dynpgext::model::registrations registrations;
};

// Existing memory, except draining memory.
struct live_allocation {
  database_id home = no_database;  // no_database: global
  std::string name;
  std::string extension;
  std::uint64_t size = 0;
  database_id source = no_database;  // the database with the registration that made it
  std::int64_t incarnation = 0;      // of the extension there
  bool declared = false;             // as it was registered
};

// State of a worker, whether a process of it runs or not.
struct live_worker {
  database_id home = no_database;
  worker definition;  // current or last one
  std::string version;
  database_id source = no_database;
  std::int64_t incarnation = 0;
  worker_state state = worker_state::registered;
  bool leaving = false;            // signalled to end; its end decides what follows
  std::uint64_t ticket = 0;        // of its newest start
  worker_terms terms;              // its present supervision
  bool at_rest = false;            // running, but without a process until it is due
  std::int64_t next_start_at = 0;  // in backoff, or at rest; microseconds, as circumstances.time
  bool stale = false;              // its process runs an outdated file of its library
  std::int64_t waits_since = 0;    // for a place; 0: for none
};

struct live_extension {
  database_id database = no_database;
  std::string name;
  extension_state state = extension_state::pending;
};

// A worker that the crash guard keeps from starting.  (Extensions have a state for this.)
struct quarantined_worker {
  database_id home = no_database;
  std::string extension;
  std::string worker;
};

// A role whose SQL workers the crash guard keeps from starting in a database.
struct quarantined_role {
  database_id database = no_database;
  std::uint32_t role = 0;
};

// Why a database cannot run a worker that others also want.
struct live_database {
  database_id database = no_database;
  bool closed = false;   // our processes may not connect: blocked for a command, or closed
  bool trusted = false;  // a superuser owns it
  std::vector<std::string> paused = {};  // extensions with a command in progress
};

struct live_state {
  std::vector<live_allocation> allocations = {};
  std::vector<live_worker> workers = {};
  std::vector<live_extension> extensions = {};
  std::vector<quarantined_worker> quarantined = {};
  std::vector<quarantined_role> quarantined_roles = {};
  std::vector<live_database> databases = {};  // a missing one has none of these
};

}  // namespace dynpgext::model
