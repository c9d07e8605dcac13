// Extensions whose code, or whose provisioning, fails where nobody is there to be told.
#pragma once

#include "model/registration.h"
#include "pg/transaction.h"
#include "shared/databases.h"
#include "shared/extension_states.h"

namespace dynpgext::provisioning {

// What has to change before it is tried again, besides what it registers.
[[nodiscard]] state::failure_cause cause_of_failure(const std::string &library);

// It is 'failed', and the log says why.  `room`: for its registrations, which are not published.
enum class lacking { what_the_failure_says, room };
void record_failure(const model::extension &e, const pg::failure &why,
                    lacking what = lacking::what_the_failure_says);

// In a visit that ends: where the code of an extension that it provisions has ended it, that one
// has failed.
void note_end_in_code();

}  // namespace dynpgext::provisioning
