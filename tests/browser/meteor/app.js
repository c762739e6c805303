// What a stock web client of Meteor 3 does that a server has to fit: SockJS to the address in the
// runtime config, its own subscriptions, and the rules of its autoupdate package. What it comes to
// is told in attributes of <html>.
(function () {
  const config = window.__meteor_runtime_config__;
  const arch = config.isModern ? 'web.browser' : 'web.browser.legacy';
  const versions = { ...config.autoupdate.versions[arch] };
  const TRANSPORTS = ['websocket', 'xdr-polling', 'xhr-polling', 'iframe-xhr-polling', 'jsonp-polling'];
  const tell = (name, value) => { document.documentElement.dataset[name] = value; };

  sessionStorage.loads = Number(sessionStorage.loads ?? 0) + 1;
  tell('loads', sessionStorage.loads);
  tell('early', window.early);
  let sessions = 0;

  function checkVersions({ id, fields }) {
    if (id !== arch) return;
    tell('checked', sessions);
    if (fields.versionNonRefreshable !== versions.versionNonRefreshable) {
      window.location.reload();
    } else if (fields.versionRefreshable !== versions.versionRefreshable) {
      versions.versionRefreshable = fields.versionRefreshable;
      const old = [...document.querySelectorAll('link.__meteor-css__')];
      const links = fields.assets.map(({ url }) => Object.assign(document.createElement('link'), {
        rel: 'stylesheet', type: 'text/css', className: '__meteor-css__', href: url,
      }));
      document.head.append(...links);
      Promise.all(links.map((link) => new Promise((resolve) => { link.onload = resolve; })))
        .then(() => old.forEach((link) => link.remove()));
    }
  }

  const shop = document.querySelector('#shop');
  const handlers = {
    connected() {
      sessions += 1;
      shop.replaceChildren();
    },
    ping: ({ id }, send) => send({ msg: 'pong', id }),
    ready: ({ subs }) => subs.forEach((id) => tell(id, 'ready')),
    nosub: ({ id }) => tell(id, 'refused'),
    added(message) {
      if (message.collection === 'meteor_autoupdate_clientVersions') checkVersions(message);
      if (message.collection !== 'bookstore.book') return;
      const item = document.createElement('p');
      item.textContent = message.fields.title;
      const next = [...shop.children].find(({ textContent }) => textContent > item.textContent);
      shop.insertBefore(item, next ?? null);
    },
  };

  function connect() {
    const socket = new SockJS(`${config.DDP_DEFAULT_CONNECTION_URL}sockjs`, undefined, {
      transports: TRANSPORTS,
    });
    const send = (message) => socket.send(JSON.stringify(message));
    socket.onopen = () => {
      send({ msg: 'connect', version: '1', support: ['1', 'pre2', 'pre1'] });
      send({ msg: 'sub', id: 'services', name: 'meteor.loginServiceConfiguration', params: [] });
      send({ msg: 'sub', id: 'versions', name: 'meteor_autoupdate_clientVersions', params: [] });
      send({ msg: 'sub', id: 'books', name: 'AllBooks', params: [] });
    };
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      handlers[message.msg]?.(message, send);
    };
    socket.onclose = () => setTimeout(connect, 100);
  }

  // As `import('/imports/dialog.js')` in an app.
  async function importDialog() {
    const response = await fetch(`${config.ROOT_URL}__meteor__/dynamic-import/fetch`, {
      method: 'POST', body: JSON.stringify({ imports: { 'dialog.js': 1 } }),
    });
    const module = { exports: {} };
    (0, eval)(`(${(await response.json()).imports['dialog.js']})`)(undefined, module.exports, module);
    tell('dialog', module.exports);
  }

  connect();
  if (config.appId) importDialog();
}());
