// One connection of sockjs-client, with just enough DDP to see that it works.
window.Peer = class {
  constructor(url, transport) {
    this.messages = [];
    this.closed = null;
    this.waiting = [];
    this.calls = 0;
    // Its own measure of how long a transport may take to begin is a few round trips.
    this.socket = new SockJS(url, null, { transports: [transport], timeout: 20000 });
    this.socket.onopen = () => this.send({ msg: 'connect', version: '1', support: ['1'] });
    this.socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.msg === 'ping') this.send({ ...message, msg: 'pong' });
      this.messages.push(message);
      this.look();
    };
    this.socket.onclose = ({ code, reason }) => {
      this.closed = [code, reason];
      this.look();
    };
  }

  send(message) {
    this.socket.send(JSON.stringify(message));
  }

  look() {
    this.waiting = this.waiting.filter((each) => !each());
  }

  // The first message that matches, now or later.
  until(matches) {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = this.messages.find(matches);
        if (found) resolve(found);
        else if (this.closed) reject(new Error(`closed: ${this.closed}`));
        return found || this.closed;
      };
      if (!look()) this.waiting.push(look);
    });
  }

  connected() {
    return this.until(({ msg }) => msg === 'connected');
  }

  async subscribe(name) {
    this.send({ msg: 'sub', id: name, name, params: [] });
    await this.until(({ msg, subs }) => msg === 'ready' && subs.includes(name));
  }

  async call(method, ...params) {
    const id = `${(this.calls += 1)}`;
    this.send({ msg: 'method', id, method, params });
    return (await this.until((message) => message.msg === 'result' && message.id === id)).result;
  }

  // What the server closes it with, or what closing it gives.
  end() {
    return new Promise((resolve) => {
      const look = () => this.closed && (resolve(this.closed), true);
      if (!look()) this.waiting.push(look);
    });
  }
};
