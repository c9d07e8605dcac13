// Memory that is being made: one process claims the name, makes the instance and runs its callback;
// whoever wants it, too, waits and joins.
#pragma once

#include <string>

#include "memory/allocations.h"

namespace dynpgext::state {

// What a process wants to have memory for.
struct allocation_request {
  const model::allocation &registration;
  const model::extension &owner;
  Oid database;
  // Another size takes the place of what this extension alone has had under the name.
  bool may_replace = false;
};

// Makes the instance of a name, or joins the one that is there if it fits, and holds it.
// `initialise` runs on a new one, without a lock.  Waits while another process initialises.
// Errors: 42710 taken, 53400 over the limit, 53200 no memory.
template <class F>
[[nodiscard]] hold hold_instance(shared &s, const allocation_request &request, F &&initialise);

// For a loop that waits for what another process initialises.  What a process waits for is written
// down with what it initialises itself, so that those who wait for each other notice it.
class claim_wait {
 public:
  explicit claim_wait(shared &s) : shared_(s) {}
  claim_wait(const claim_wait &) = delete;
  claim_wait &operator=(const claim_wait &) = delete;
  ~claim_wait();
  // Both with the exclusive lock.  begin() raises 40P01 where the wait would be for ever.
  void begin(const allocation_key &awaited);
  void end();

 private:
  void write(const allocation_key *awaited);  // nullptr: nothing
  shared &shared_;
  bool is_written_ = false;
};

// Removes a name that this process has claimed and not finished (it has raised an error, or
// is about to exit).
void abandon_claims() noexcept;

namespace detail {
struct claim {
  hold joined;  // found one that fits, or
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
