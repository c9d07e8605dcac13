// Memory that is being made: one process claims the name, makes the instance and runs its callback;
// other processes that want it wait and join.
#pragma once

#include <string>

#include "memory/allocations.h"

namespace dynpgext::state {

// The memory that a process wants.
struct allocation_request {
  const model::allocation &registration;
  const model::extension &owner;
  Oid database;
  // Another size replaces memory of this name that only this extension has.
  bool may_replace = false;
};

// Makes the instance of a name, or joins an existing one if it matches, and holds it. `initialise`
// runs on a new one, without a lock.  Waits while another process initialises.  Errors: 42710 in
// use, 53400 over the limit, 53200 no memory.
template <class F>
[[nodiscard]] hold hold_instance(shared &s, const allocation_request &request, F &&initialise);

// For a loop that waits for memory that another process initialises.  The awaited memory is
// recorded in the process's own claims, so that processes that wait for each other detect it.
class claim_wait {
 public:
  explicit claim_wait(shared &s) : shared_(s) {}
  claim_wait(const claim_wait &) = delete;
  claim_wait &operator=(const claim_wait &) = delete;
  ~claim_wait();
  // Both with the exclusive lock. begin() raises 40P01 if the wait would be endless.
  void begin(const allocation_key &awaited);
  void end();

 private:
  void write(const allocation_key *awaited);  // nullptr: none
  shared &shared_;
  bool is_written_ = false;
};

// Removes an unfinished claim of this process (which has raised an error, or is about to exit).
void abandon_claims() noexcept;

namespace detail {
struct claim {
  hold joined;  // found a matching one, or
  bool must_make = false;
};
[[nodiscard]] claim claim_or_join(shared &s, const allocation_request &request);
[[nodiscard]] dsa_pointer make_instance(shared &s, const allocation_request &request);
[[nodiscard]] hold finish_claim(shared &s, const allocation_key &key, dsa_pointer made);
void cancel_claim(shared &s, const allocation_key &key, dsa_pointer made) noexcept;

// Undoes a claim unless it is finished.
struct claim_guard {
  shared &s;
  allocation_key key;
  dsa_pointer made = InvalidDsaPointer;
  bool finished = false;
  ~claim_guard() {
    if (!finished) cancel_claim(s, key, made);
  }
};
}  // namespace detail

template <class F>
hold hold_instance(shared &s, const allocation_request &request, F &&initialise) {
  const detail::claim claim = detail::claim_or_join(s, request);
  if (!claim.must_make) return claim.joined;
  detail::claim_guard guard{s, key_of(model::home_of(request.registration.scope, request.database),
                                      request.registration.name)};
  guard.made = detail::make_instance(s, request);
  initialise(s.at(guard.made)->memory());
  const hold result = detail::finish_claim(s, guard.key, guard.made);
  guard.finished = true;
  return result;
}

}  // namespace dynpgext::state
