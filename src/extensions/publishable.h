// The registrations of this database for which there is room in shared memory.
//
// They count for dynpgext.memory_limit and dynpgext.max_owner_memory.  A command that would exceed
// one of these is refused.  Where nobody is there to be told, as in a visit of a copy, extensions
// are left out of what is published until the others fit.  They have failed, and are tried again
// when memory is given back.  What is published already is never refused, whatever the limits are
// by then.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "pg/transaction.h"
#include "shared/publication.h"

namespace dynpgext::provisioning {

struct no_room {
  model::extension extension;
  pg::failure why;
};

struct publishable {
  std::unique_ptr<state::publication> publication;
  std::vector<no_room> left_out;
};

enum class over_limit { refuse, leave_out };
// `without`: extensions that are left out as they are.
[[nodiscard]] publishable what_fits(state::shared &s, const model::registrations &wanted,
                                    over_limit then, const std::set<std::string> &without = {});

// Extensions that have been left out of what is published, but for those that this transaction
// provisions.
[[nodiscard]] std::set<std::string> to_be_left_out(const state::shared &s);
// Those among them that have no reason to be tried again.
[[nodiscard]] std::set<std::string> still_without_room(state::shared &s);

// They have failed; each has been left out of what is published by now.
void record_left_out(const std::vector<no_room> &all);

}  // namespace dynpgext::provisioning
