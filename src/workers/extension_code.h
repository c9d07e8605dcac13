// Marks that code of an extension runs in this process, not in a worker: its library is loaded, or
// its init, its fini or a callback runs.  Meanwhile:
//
//   - the crash guard's record is armed for the extension,
//   - dynpgext.provisioning_timeout limits the time,
//   - the exit callback of a visit can blame the end of the process on the extension, and processes
//     that wait for the provisioning lock can see whose code they wait for.
#pragma once

#include "guard/guard.h"
#include "pg/deadline.h"

namespace dynpgext::state {

class extension_code {
 public:
  // `library`: of the extension; empty for a worker's callback, whose failure is not the
  // extension's.
  extension_code(std::string_view extension, std::string_view library);
  extension_code(const extension_code &) = delete;
  extension_code &operator=(const extension_code &) = delete;
  ~extension_code();

  // Runs f; throws 57014 with our own message if it has exceeded the limit.
  template <class F>
  auto run(F f) {
    std::exception_ptr failed;
    bool is_late = false;
    using result_type = decltype(f());
    std::conditional_t<std::is_void_v<result_type>, char, result_type> result{};
    try {
      if constexpr (std::is_void_v<result_type>)
        f();
      else
        result = f();
      is_late = deadline_.has_passed();
    } catch (const pg::server_error &e) {
      is_late = deadline_.explains(e);
      if (!is_late) failed = std::current_exception();
    } catch (...) {
      failed = std::current_exception();
    }
    if (is_late) throw pg::error(ERRCODE_QUERY_CANCELED, lateness(), {}, lateness_hint);
    if (failed) std::rethrow_exception(failed);
    if constexpr (!std::is_void_v<result_type>) return result;
  }

  [[nodiscard]] const std::string &extension() const { return extension_; }
  [[nodiscard]] const std::string &library() const { return library_; }
  [[nodiscard]] bool is_late() const { return deadline_.has_passed(); }
  [[nodiscard]] std::string lateness() const;

 private:
  static constexpr const char *lateness_hint =
      "If it needs the time, set dynpgext.provisioning_timeout to more.";

  std::string extension_, library_;
  guarded_code guard_;
  int64 limit_;  // milliseconds; 0: none
  pg::deadline deadline_;
  const extension_code *outer_;
};

// The innermost; nullptr: no code of an extension runs.
[[nodiscard]] const extension_code *code_under_way();

}  // namespace dynpgext::state
