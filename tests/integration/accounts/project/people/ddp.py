from dddp.api import API, APIMixin, Publication, api_endpoint, get_object, this
from people.models import Person


class Who(APIMixin):
    api_path_prefix = "who/"

    @api_endpoint
    def am_i(self):
        return this.user_ddp_id

    @api_endpoint
    async def am_i_really(self):
        return this.user_ddp_id

    @api_endpoint
    def will_i_be(self, ddp_id):
        this.set_user_id(str(get_object(Person, ddp_id).pk))
        return [this.user_ddp_id, API.call("who/am_i")]

    @api_endpoint
    async def leaving(self):
        this.set_user_id(None)
        return this.user_ddp_id


class Me(Publication):
    async def publish(self):
        self.added("me", this.user_ddp_id or "nobody")
        self.ready()


API.register([Who, Me])
