// Extensions whose code or provisioning fails without a session to report to.
#pragma once

#include "model/registration.h"
#include "pg/transaction.h"
#include "shared/databases.h"
#include "shared/extension_states.h"

namespace dynpgext::provisioning {

// The conditions that must change before it is tried again, besides its registrations.
[[nodiscard]] state::failure_cause cause_of_failure(const std::string &library);

// Sets it to 'failed', and logs the reason. `room`: its registrations do not fit, and are not
// published.
enum class lacking { what_the_failure_says, room };
void record_failure(const model::extension &e, const pg::failure &why,
                    lacking what = lacking::what_the_failure_says);

// In a visit that ends: if code of an extension has ended it, that extension has failed.
void note_end_in_code();

}  // namespace dynpgext::provisioning
