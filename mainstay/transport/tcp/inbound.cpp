#include "mainstay/transport/tcp/inbound.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "mainstay/transport/tcp/server_core.hpp"

namespace mainstay::tcp {

answer_ticket::~answer_ticket() {
  if (gate_ && gate_->open_to != nullptr) gate_->open_to->settle(request_, nullptr);
}

void answer_ticket::answer(const rpc_response& response) {
  const auto gate = std::exchange(gate_, nullptr);
  if (gate && gate->open_to != nullptr) gate->open_to->settle(request_, &response);
}

inbound::inbound(server_core& server, tcp_connection::socket accepted)
    : server_(server),
      connection_(std::make_shared<tcp_connection>(std::move(accepted))),
      gate_(std::make_shared<answer_gate>(answer_gate{this})) {}

void inbound::start() {
  alarm_ = std::make_shared<alarm>(server_.io(), [weak = weak_from_this()] {
    if (auto self = weak.lock()) self->on_alarm();
  });
  alarm_->set(now() + server_.limits().connect_timeout);
  connection_->start(shared_from_this(), server_.limits().dead_peer_timeout);
}

void inbound::close() {
  gate_->open_to = nullptr;
  if (alarm_) alarm_->cancel();
  connection_->close();
}

void inbound::on_frame(frame received) {
  heard_ = true;
  if (!peer_) return on_hello(received);
  if (received.header.kind == frame_kind::request) return on_request(received);
  end(log_level::warning, {error_code::malformed, "it sent a frame that is no request"});
}

void inbound::on_hello(const frame& received) {
  if (received.header.kind != frame_kind::hello) {
    return end(log_level::warning, {error_code::malformed, "it did not begin with a handshake"});
  }
  const auto theirs = decode_greeting(received.body.span());
  if (!theirs) return end(log_level::warning, theirs.error());
  const auto mine = server_.own_greeting(theirs->sender);
  // The sender is judged as it presents itself: anyone may come who fits.
  auto open_to_all = mine;
  open_to_all.receiver = node_id();
  if (server_.is_full(theirs->sender)) {
    return refuse(refusal::busy, "as many peers as allowed are connected");
  }
  if (const auto bad = judge(open_to_all, *theirs, server_.identities())) {
    return refuse(bad->reason, bad->message);
  }
  welcome(mine, *theirs);
}

void inbound::welcome(const greeting& mine, const greeting& theirs) {
  const auto& limits = server_.limits();
  peer_ = theirs.sender;
  peer_max_frame_ = std::min<std::size_t>(theirs.max_frame, limits.max_frame_bytes);
  auto chosen = mine;
  chosen.min_version = chosen.max_version = std::min(mine.max_version, theirs.max_version);
  send(frame_kind::welcome, encode(chosen));
  connection_->open_up(limits.max_frame_bytes, limits.receive_block_bytes);
  alarm_->set(now() + limits.idle_timeout);
  heard_ = false;
  server_.on_greeted(*this);
}

void inbound::refuse(refusal reason, const std::string& why) {
  send(frame_kind::refusal, encode(reason));
  end(log_level::warning, {error_code::wrong_identity, "this node refused it: " + why});
}

void inbound::send(frame_kind kind, shared_bytes body) {
  byte_pieces pieces;
  pieces.add(std::move(body));
  connection_->send(kind, group_id(), 0, pieces);
}

void inbound::on_request(const frame& received) {
  auto request = server_.codec().decode_request(received.body);
  if (!request) return end(log_level::warning, request.error());
  ++unanswered_;
  unanswered_bytes_ += received.header.length;
  if (over_limits()) {
    paused_ = true;
    ++server_.counters().pauses;
    connection_->pause();
  }
  server_.hand_on(peer_, received.header.group, *std::move(request),
                  answer_ticket(gate_, received.header));
}

void inbound::settle(const frame_header& request, const rpc_response* response) {
  --unanswered_;
  unanswered_bytes_ -= request.length;
  if (response != nullptr) {
    const auto body = server_.codec().encode(*response);
    if (body.size() <= peer_max_frame_) {
      ++server_.counters().responses;
      connection_->send(frame_kind::response, request.group, request.call, body);
    } else {
      ++server_.counters().dropped_responses;
      server_.log(log_level::error, "a response is larger than the peer takes and was dropped",
                  {{"peer", peer_.value()}, {"bytes", std::uint64_t{body.size()}}});
    }
  }
  resume_if_relieved();
}

bool inbound::over_limits() const {
  const auto& limits = server_.limits();
  return unanswered_ >= limits.max_unanswered_requests ||
         unanswered_bytes_ >= limits.max_unanswered_bytes ||
         connection_->queued_bytes() >= limits.max_unanswered_bytes;
}

void inbound::resume_if_relieved() {
  if (!paused_ || over_limits()) return;
  paused_ = false;
  connection_->resume();
}

void inbound::on_alarm() {
  if (!peer_) {
    return end(log_level::warning, {error_code::timed_out, "no handshake in time"});
  }
  const bool busy = heard_ || unanswered_ > 0 || connection_->queued_bytes() > 0;
  if (!busy) return end(log_level::info, {error_code::timed_out, "it was idle for too long"});
  heard_ = false;
  alarm_->set(now() + server_.limits().idle_timeout);
}

void inbound::on_closed(const error& why) {
  end(why.code == error_code::malformed ? log_level::warning : log_level::info, why);
}

void inbound::end(log_level level, const error& why) {
  const auto self = shared_from_this();
  const auto remote = connection_->remote();
  close();
  server_.on_ended(*this, {level, remote, why.message});
}

}  // namespace mainstay::tcp
