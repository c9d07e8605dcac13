#include "workers/extension_code.h"

#include "pg/settings.h"
#include "shared/access.h"
#include "shared/provisioning_lock.h"

namespace dynpgext::state {
namespace {

constinit const extension_code *innermost = nullptr;

std::string in_seconds(int64 milliseconds) {
  return milliseconds % 1000 == 0 ? std::to_string(milliseconds / 1000) + " s"
                                  : std::to_string(milliseconds) + " ms";
}

}  // namespace

extension_code::extension_code(std::string_view extension, std::string_view library)
    : extension_(extension),
      library_(library),
      guard_(extension),
      limit_(pg::settings::provisioning_timeout_milliseconds(is_visit())),
      deadline_(limit_),
      outer_(std::exchange(innermost, this)) {
  name_provisioned(extension_);
}

extension_code::~extension_code() {
  innermost = outer_;
  name_provisioned(outer_ == nullptr ? std::string_view() : outer_->extension_);
}

std::string extension_code::lateness() const {
  return "the code of extension \"" + extension_ +
         "\" takes longer than dynpgext.provisioning_timeout (" + in_seconds(limit_) + ")";
}

const extension_code *code_under_way() { return innermost; }

}  // namespace dynpgext::state
