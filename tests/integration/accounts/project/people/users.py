from dddp.accounts.users import Users as Base


class Users(Base):
    profile_fields = ("motto",)
