// Memory of allocations: made, published, drained.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "model/reconcile.h"
#include "state/root.h"

namespace dynpgext::state {

[[nodiscard]] allocation_key key_of(Oid home, const std::string &name);

// What a process wants to have memory for.
struct allocation_request {
  const model::allocation &registration;
  const model::extension &owner;
  Oid database;
  // Another size takes the place of what this extension alone has had under the name.
  bool may_replace = false;
};

// A claim on an instance for a transaction under way; see release_holds().
struct hold {
  allocation_key key;
  dsa_pointer instance = InvalidDsaPointer;
};

// The instances that exist, as the reconciler sees them: of each name the one that this
// transaction holds, else the published one.  Caller holds root.lock.
[[nodiscard]] std::vector<model::live_allocation> live_allocations(const shared &s,
                                                                   std::span<const hold> own = {});

// Makes the instance of a name, or joins the one that is there if it fits, and holds it.
// `initialise` runs on a new one, without a lock.  Waits while another process initialises.
// Errors: 42710 taken, 53400 over the limit, 53200 no memory.
template <class F>
[[nodiscard]] hold hold_instance(shared &s, const allocation_request &request, F &&initialise);

// Ends holds with the commit: what is registered now stays, the rest is given back.
void release_holds(shared &s, std::span<const hold> holds) noexcept;
// Ends them with a rollback: what was made for them is given back, unless it has been published
// or another transaction wants it, too.
void roll_back_holds(shared &s, std::span<const hold> holds) noexcept;
// What is registered and committed already (after a restart) is there for everybody from now on.
void publish_holds(shared &s, std::span<const hold> holds);

// Puts the instances of a name in line with what is registered: the wanted one is published,
// others that nobody holds drain or go.  Exclusive lock.  Does not allocate.
void settle(shared &s, const allocation_key &key,
            const std::vector<model::desired_database> &desired);
// The same for all names of a database (and the global ones).
void settle_allocations(shared &s, Oid database,
                        const std::vector<model::desired_database> &desired);

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
  void write(const allocation_key &awaited);
  shared &shared_;
  bool is_written_ = false;
};

// Removes a name that this process has claimed and not finished (it has raised an error, or
// is about to exit).
void abandon_claims() noexcept;

// dynpgext.memory_limit in bytes; UINT64_MAX for none.
void set_memory_limit_source(uint64 (*limit)());
[[nodiscard]] uint64 memory_limit();

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
