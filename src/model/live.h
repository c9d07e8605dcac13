// The two sides that are compared, as plain values: what is registered (desired), and what is there
// (live).
#pragma once

#include <string>
#include <vector>

#include "model/registration.h"
#include "model/state.h"

namespace dynpgext::model {

// The registrations of a database, as far as they are wanted in this run of the server.
struct desired_database {
  database_id database = no_database;
  dynpgext::model::registrations registrations;
};

// Memory that exists, other than what is draining.
struct live_allocation {
  database_id home = no_database;  // no_database: global
  std::string name;
  std::string extension;
  std::uint64_t size = 0;
  database_id source = no_database;  // the database whose registration made it
  std::int64_t incarnation = 0;      // of the extension there
  bool declared = false;             // as it was registered
};

// What is known of a worker, whether a process of it runs or not.
struct live_worker {
  database_id home = no_database;
  worker definition;  // that runs, or ran last
  std::string version;
  database_id source = no_database;
  std::int64_t incarnation = 0;
  worker_state state = worker_state::registered;
  bool leaving = false;            // told to end; what follows is decided when its process has
  std::uint64_t ticket = 0;        // of its newest start
  worker_terms terms;              // that it is supervised by
  bool at_rest = false;            // runs, but has no process until it is due
  std::int64_t next_start_at = 0;  // in backoff, or at rest; microseconds, as circumstances.time
  bool stale = false;              // the file of its library is no longer the one it runs
};

struct live_extension {
  database_id database = no_database;
  std::string name;
  extension_state state = extension_state::pending;
};

// A worker that the crash guard lets nobody start.  (An extension has a state for that.)
struct quarantined_worker {
  database_id home = no_database;
  std::string extension;
  std::string worker;
};

// A role whose SQL workers it lets nobody start in a database.
struct quarantined_role {
  database_id database = no_database;
  std::uint32_t role = 0;
};

// What keeps a database from running a worker that others want, too.
struct live_database {
  database_id database = no_database;
  bool closed = false;   // nobody of ours may connect: a command has it to itself, or nobody can
  bool trusted = false;  // a superuser owns it
  std::vector<std::string> paused = {};  // extensions that a command is about
};

struct live_state {
  std::vector<live_allocation> allocations = {};
  std::vector<live_worker> workers = {};
  std::vector<live_extension> extensions = {};
  std::vector<quarantined_worker> quarantined = {};
  std::vector<quarantined_role> quarantined_roles = {};
  std::vector<live_database> databases = {};  // one that is missing has nothing of the kind
};

}  // namespace dynpgext::model
