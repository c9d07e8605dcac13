#include "pg/notification.h"

// For the server's own connections, libpq.h includes headers of GSSAPI and OpenSSL, which are not
// in a server's development package; it uses only these names.
#define LIBPQ_BE_H
extern "C" {
typedef struct Port Port;
typedef struct ClientSocket ClientSocket;
#include "libpq/libpq.h"
}

namespace dynpgext::pg {
namespace {

constinit std::vector<std::string> *heard = nullptr;

// pid, channel and payload, as the server sends them to a client; called from its C code.
void hear(const char *message, size_t length) noexcept {
  if (heard == nullptr || length <= sizeof(int32)) return;
  const std::string_view rest(message + sizeof(int32), length - sizeof(int32));
  try {
    const std::string channel(rest.substr(0, rest.find('\0')));
    if (std::find(heard->begin(), heard->end(), channel) == heard->end()) heard->push_back(channel);
  } catch (const std::bad_alloc &) {
    heard = nullptr;  // take_notifications() reports it
  }
}

int put_message(char type, const char *message, size_t length) {
  if (type == 'A') hear(message, length);
  return 0;
}
void put_message_noblock(char type, const char *message, size_t length) {
  (void)put_message(type, message, length);
}
void do_nothing() {}
int flush() { return 0; }
bool nothing_pending() { return false; }

constinit const PQcommMethods methods{do_nothing,      flush,       flush,
                                      nothing_pending, put_message, put_message_noblock};

// For a scope, we act as the client of this process.
class client {
 public:
  explicit client(std::vector<std::string> *into) {
    heard = into;
    PqCommMethods = &methods;
    whereToSendOutput = DestRemote;
  }
  client(const client &) = delete;
  client &operator=(const client &) = delete;
  ~client() {
    PqCommMethods = saved_methods_;
    whereToSendOutput = saved_destination_;
    heard = nullptr;
  }

 private:
  const PQcommMethods *saved_methods_ = PqCommMethods;
  CommandDest saved_destination_ = whereToSendOutput;
};

}  // namespace

void listen(const std::string &channel) {
  const char *name = channel.c_str();
  call([=] { Async_Listen(name); });
}

void unlisten(const std::string &channel) {
  const char *name = channel.c_str();
  call([=] { Async_Unlisten(name); });
}

bool has_notifications() { return notifyInterruptPending != 0; }

std::vector<std::string> take_notifications() {
  std::vector<std::string> channels;
  if (!has_notifications()) return channels;
  bool complete = false;
  {
    const client us(&channels);
    // a deferrable transaction, if the owner of the database has set that, would wait for others
    const bool is_deferrable = std::exchange(DefaultXactDeferrable, false);
    try {
      call([] { ProcessNotifyInterrupt(false); });
    } catch (...) {
      DefaultXactDeferrable = is_deferrable;
      throw;
    }
    DefaultXactDeferrable = is_deferrable;
    complete = heard != nullptr;
  }
  if (!complete) throw std::bad_alloc();
  return channels;
}

}  // namespace dynpgext::pg
