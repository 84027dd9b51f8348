#include "server/readiness.hpp"

#include <utility>
#include <vector>

#include <boost/asio/post.hpp>

#include "mainstay/machines/key_value/command.hpp"

namespace mainstay::server {

readiness_probe::readiness_probe(gateway& cluster, boost::asio::io_context& context)
    : cluster_(cluster), door_(std::make_shared<door>()) {
  door_->context = &context;
}

readiness_probe::~readiness_probe() {
  const std::lock_guard lock(door_->mutex);
  door_->context = nullptr;
}

void readiness_probe::ask(duration patience, handler done) {
  byte_arena arena(64);
  std::vector<shared_bytes> requests;
  requests.push_back(encode(arena, keyspace::operation::size, {}));
  auto answer = [way = door_, done = std::move(done)](const outcomes& found) {
    result<void> ready;
    if (!found.front()) ready = std::unexpected(found.front().error());
    const std::lock_guard lock(way->mutex);
    if (way->context == nullptr) return;
    boost::asio::post(*way->context, [done, ready] { done(ready); });
  };
  cluster_.query(std::move(requests), consistency::linearizable, cluster_.now() + patience,
                 std::move(answer));
}

}  // namespace mainstay::server
