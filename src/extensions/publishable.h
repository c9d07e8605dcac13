// The registrations of this database that fit into shared memory.
//
// They count for dynpgext.memory_limit and dynpgext.max_owner_memory.  A command that would exceed
// one of these is refused.  Without a command, as in a visit of a copy, extensions are left out of
// the publication until the others fit.  They become failed, and are tried again when memory is
// given back.  Published registrations are never refused, whatever the limits are by then.
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
// `without`: extensions that stay left out.
[[nodiscard]] publishable what_fits(state::shared &s, const model::registrations &wanted,
                                    over_limit then, const std::set<std::string> &without = {});

// Extensions left out of the publication, except those that this transaction provisions.
[[nodiscard]] std::set<std::string> to_be_left_out(const state::shared &s);
// Those among them without a reason to be tried again.
[[nodiscard]] std::set<std::string> still_without_room(state::shared &s);

// Sets them to failed, after they have been left out of the publication.
void record_left_out(const std::vector<no_room> &all);

}  // namespace dynpgext::provisioning
